import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cleanName, cleanText, isRoomName, overLimit } from "../client/limits.js";
import en from "../i18n/en.json";
import zh from "../i18n/zh.json";

test("both catalogues have the same keys, in the same order", () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
});

test("both catalogues name the same numbers", () => {
  const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String);
  for (const [key, text] of Object.entries(en)) assert.deepEqual(holes(zh[key as keyof typeof zh]), holes(text), key);
});

test("the templates ask only for words that there are", () => {
  for (const page of ["room.html", "lobby.html", "error.html", "manifest.webmanifest"]) {
    const html = readFileSync(`ui/src/${page}`, "utf8");
    for (const [, key = ""] of html.matchAll(/\{\{t:([\w.]+)\}\}/g)) assert.ok(key in en, `${page}: ${key}`);
    assert.doesNotMatch(html, /\son\w+=|style=|<style|<script(?![^>]* (?:src=|type="application\/json"))/, `${page} has inline script or style`);
  }
});

test("names lose what could deceive, and are cut by characters", () => {
  assert.equal(cleanName("  a\u202enn\u0007 "), "ann");
  assert.equal(cleanName("🍵".repeat(40)), "🍵".repeat(32));
});

test("texts keep their inside and lose blank ends", () => {
  assert.equal(cleanText("\n \n  if x:\r\n\ty\u0000\n\n"), "  if x:\n\ty");
  assert.equal(cleanText(" \n\t "), "");
  assert.equal(cleanText("a\ud800b"), "a\ufffdb");
});

test("the limit counts characters, not their halves", () => {
  assert.equal(overLimit("🍵".repeat(4000)), 0);
  assert.equal(overLimit("茶".repeat(4003)), 3);
});

test("room names are known by the server's rule", () => {
  for (const name of ["123", "下午茶", "a.b-c_d", "é", "x".repeat(64)]) assert.ok(isRoomName(name), name);
  for (const name of ["", ".a", "a b", "a/b", "x".repeat(65), "½"]) assert.ok(!isRoomName(name), name);
});
