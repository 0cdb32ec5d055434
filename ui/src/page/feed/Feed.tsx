import { useEffect, useRef } from "preact/hooks";
import type { Message } from "../../client/app.js";
import { here, me, room } from "../here.js";
import { t } from "../i18n.js";
import { called } from "../self.js";
import { focused, hovered, overlay } from "../view.js";
import { DayRow, LineRow, UnreadRow } from "./Between.js";
import { onFeedKey } from "./keys.js";
import { MessageRow } from "./MessageRow.js";
import { FirstUnread, ToNewest } from "./Pills.js";
import { held, marked, watchPointer } from "./pointer.js";
import { rowsOf, isMessage, type FeedRow } from "./rows.js";
import { useKeeper } from "./useKeeper.js";
import { useNews } from "./useNews.js";

// Feed is drawn once and only hands on. Preact keeps the first drawing of whatever an
// element was given as its child; here that must not be the log, whose first rows lead by
// their neighbours to all that ever came after them.
export function Feed() {
  return <Log />;
}

// Log is the log of the room. It alone scrolls.
function Log() {
  const log = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const state = room.value;
  const rows = state ? rowsOf(state, me.value) : [];
  useKeeper(log, list, state, rows);
  const news = useNews(state);
  const find = (key: string) => messageIn(rows, key);
  const latest = useRef(find);
  latest.current = find;
  useEffect(() => (list.current ? watchPointer(list.current, (key) => latest.current(key)) : undefined), []);
  return (
    <main>
      <FirstUnread />
      <div
        ref={log}
        id="log"
        class="log"
        role="log"
        aria-live={news ? "polite" : "off"}
        aria-relevant="additions"
        aria-busy={!state?.loaded}
        aria-label={t("room.messages")}
      >
        <p class="line greeting" id="greeting" hidden={state?.hasOlder}>
          <span>{t("line.greeting")}</span>
        </p>
        {state?.hasOlder && <Older loading={state.loadingOlder} />}
        <ol ref={list} class="feed" id="messages" onKeyDown={(e) => onFeedKey(e, e.currentTarget, find)}>
          {drawRows(rows)}
        </ol>
        {state?.loaded && rows.every((r) => r.kind === "line") && <p class="empty">{t("feed.empty")}</p>}
        {state?.loadingNewer && <p class="line">{t("feed.newer")}</p>}
      </div>
      <ToNewest />
    </main>
  );
}

function Older({ loading }: { loading: boolean }) {
  return (
    <p id="older" class="line">
      {loading ? (
        t("feed.older")
      ) : (
        <button type="button" class="link" onClick={() => here.older()}>
          {t("feed.loadOlder")}
        </button>
      )}
    </p>
  );
}

function drawRows(rows: readonly FeedRow[]) {
  const open = overlay.value;
  const opened = open && "message" in open ? open.message?.offset : undefined;
  const active = hovered.value ?? held.value;
  const entry = rows.some((r) => r.key === focused.value) ? focused.value : rows.findLast((r) => r.kind === "message")?.key;
  const name = called();
  return rows.map((row) => {
    switch (row.kind) {
      case "day":
        return <DayRow key={row.key} time={row.time} />;
      case "unread":
        return <UnreadRow key={row.key} />;
      case "line":
        return <LineRow key={row.key} line={row.item} />;
      case "message": {
        const offset = isMessage(row.item) ? row.item.offset : undefined;
        const on = opened === undefined ? row.key === active : offset === opened;
        const here = offset !== undefined && offset === marked.value;
        return <MessageRow key={row.key} row={row} me={name} tab={row.key === entry} active={on} held={held.value === row.key} marked={here} />;
      }
    }
  });
}

function messageIn(rows: readonly FeedRow[], key: string): Message | null {
  const row = rows.find((r) => r.key === key);
  return row?.kind === "message" && isMessage(row.item) && !row.item.deleted ? row.item : null;
}
