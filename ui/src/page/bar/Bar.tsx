import { rooms, roomName } from "../here.js";
import { t } from "../i18n.js";
import { IconButton } from "../parts/IconButton.js";
import { asset, base } from "../place.js";
import { drawer, panelOpen, togglePanel, wide } from "../view.js";
import { Hint, People, State } from "./State.js";

// Bar stands over the feed: where one is, how the connection stands, who is here.
export function Bar() {
  const unread = rooms.value.some((r) => r.room !== roomName.value && (r.mentioned || (r.unread > 0 && r.level === "all")));
  return (
    <header class="bar">
      <IconButton
        id="show-rooms"
        icon="rooms"
        label={t("rooms.show")}
        expanded={drawer.value === "rooms"}
        controls="rooms-column"
        onClick={() => (drawer.value = "rooms")}
      >
        {unread && <span class="dot" />}
      </IconButton>
      <a class="home" href={base + "/"} title={t("app.home")}>
        <img src={asset("icon.svg")} alt={t("app.home")} width="32" height="32" />
      </a>
      <h1 class="title">
        <bdi>{roomName.value}</bdi>
      </h1>
      <p class="status">
        <State />
        <People />
      </p>
      <IconButton
        id="show-panel"
        icon="people"
        label={t("panel.show")}
        expanded={wide.value ? panelOpen.value : drawer.value === "panel"}
        controls="panel"
        onClick={togglePanel}
      />
      <Hint />
    </header>
  );
}
