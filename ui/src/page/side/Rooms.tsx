import { useSignal } from "@preact/signals";
import { canonicalRoom, isRoomName, type RoomEntry } from "../../client/app.js";
import { here, rooms, roomName } from "../here.js";
import { count, lang, t } from "../i18n.js";
import { Icon } from "../parts/Icon.js";
import { IconButton } from "../parts/IconButton.js";
import { asset, base, go, urls } from "../place.js";
import { drawer, wide } from "../view.js";

// Rooms is the left column: the rooms that one has been in, and the way to others.
export function Rooms() {
  return (
    <>
      <div class="column-head">
        <a class="lobby-link" href={base + "/"} title={t("app.home")}>
          <img src={asset("icon.svg")} alt="" width="32" height="32" />
          <span>{t("app.name")}</span>
        </a>
        {!wide.value && <IconButton icon="close" label={t("panel.close")} onClick={() => (drawer.value = null)} />}
      </div>
      <OpenRoom />
      <nav aria-label={t("rooms.title")}>
        <h2>{t("rooms.title")}</h2>
        <ul id="rooms">
          {listed().map((r) => (
            <RoomItem key={r.room} entry={r} />
          ))}
        </ul>
        {rooms.value.length === 0 && <p class="hint">{t("rooms.none")}</p>}
      </nav>
    </>
  );
}

// The open room is on the list from the first moment, whether the server has said so or not.
function listed(): readonly RoomEntry[] {
  const open = roomName.value;
  if (open === "" || rooms.value.some((r) => r.room === open)) return rooms.value;
  return [{ room: open, unread: 0, mentioned: false, level: "all", last: 0, head: 0, read: 0 }, ...rooms.value];
}

function RoomItem({ entry: { room, unread, mentioned, level } }: { entry: RoomEntry }) {
  const open = room === roomName.value;
  const muted = level === "none";
  return (
    <li data-room={room} class={[muted && "muted", open && "here", unread > 0 && "has-unread"].filter(Boolean).join(" ")}>
      <a href={urls.page(room)} aria-current={open ? "page" : undefined} onClick={enter(room)}>
        <bdi class="room-name">{room}</bdi>
        {muted && (
          <span class="muted-sign" title={t("rooms.muted")}>
            <Icon name="mute" />
            <span class="unseen">{t("rooms.muted")}</span>
          </span>
        )}
        {mentioned && (
          <span class="mentioned" title={t("rooms.mentioned")}>
            <span aria-hidden="true">@</span>
            <span class="unseen">{t("rooms.mentioned")}</span>
          </span>
        )}
        {unread > 0 && (
          <span class="unread" title={count("rooms.unread", unread)}>
            {unread >= 100 ? "99+" : unread.toLocaleString(lang)}
          </span>
        )}
      </a>
      {!open && <IconButton icon="close" class="forget" action="forget" label={`${t("rooms.forget")}: ${room}`} onClick={() => here.forget(room)} />}
    </li>
  );
}

// enter goes into a room on this very page; a click that wants another tab is the browser's.
function enter(room: string) {
  return (e: MouseEvent) => {
    if (e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    drawer.value = null;
    if (room !== roomName.value) go(room);
  };
}

function OpenRoom() {
  const bad = useSignal(false);
  return (
    <form
      id="open"
      class="open-room"
      action={base + "/"}
      method="get"
      onSubmit={(e) => {
        e.preventDefault();
        const field = e.currentTarget.elements.namedItem("room") as HTMLInputElement;
        const name = field.value.trim();
        bad.value = !isRoomName(name);
        if (bad.value) return;
        field.value = "";
        drawer.value = null;
        go(canonicalRoom(name));
      }}
    >
      <input
        name="room"
        dir="auto"
        placeholder={t("rooms.open")}
        aria-label={t("rooms.open")}
        aria-invalid={bad.value}
        aria-describedby={bad.value ? "open-rule" : undefined}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        enterkeyhint="go"
        onInput={() => (bad.value = false)}
      />
      {bad.value && (
        <p id="open-rule" class="hint bad">
          {t("problem.room_invalid")}
        </p>
      )}
    </form>
  );
}
