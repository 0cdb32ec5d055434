import { useEffect } from "preact/hooks";
import { Bar } from "./bar/Bar.js";
import { Composer } from "./composer/Composer.js";
import { Picker } from "./emoji/Picker.js";
import { Confirm } from "./feed/Confirm.js";
import { Feed } from "./feed/Feed.js";
import { GoToDay } from "./feed/GoToDay.js";
import { MessageMenu, MessageSheet } from "./feed/Menu.js";
import { t } from "./i18n.js";
import { Announcer } from "./parts/Announcer.js";
import { Toast } from "./parts/Toast.js";
import { Column } from "./side/Column.js";
import { Help } from "./side/Help.js";
import { Panel } from "./side/Panel.js";
import { Rooms } from "./side/Rooms.js";
import { drawer, overlay, panelOpen } from "./view.js";

// Page is the room's page: rooms, the room, the panel; and what lies over them.
export function Page({ typed }: { typed: string }) {
  useEffect(() => {
    document.addEventListener("keydown", askForHelp);
    return () => document.removeEventListener("keydown", askForHelp);
  }, []);
  return (
    <>
      <Column id="rooms-column" name="rooms" label={t("rooms.title")} open>
        <Rooms />
      </Column>
      <div class="centre" inert={drawer.value !== null}>
        <Bar />
        <Feed />
        <Composer typed={typed} />
      </div>
      <Column id="panel" name="panel" label={t("panel.label")} open={panelOpen.value}>
        <Panel />
      </Column>
      <Over />
      <Toast />
      <Announcer />
    </>
  );
}

// Over is the one thing that may lie over the page: a menu, a picker, a question.
function Over() {
  const o = overlay.value;
  switch (o?.kind) {
    case "menu":
      return <MessageMenu message={o.message} anchor={o.anchor} />;
    case "sheet":
      return <MessageSheet message={o.message} />;
    case "confirm":
      return <Confirm message={o.message} />;
    case "picker":
      return <Picker label={o.label} anchor={o.anchor} pick={o.pick} />;
    case "date":
      return <GoToDay time={o.time} anchor={o.anchor} />;
    case "help":
      return <Help />;
    default:
      return null;
  }
}

function askForHelp(e: KeyboardEvent): void {
  const writing = e.target instanceof HTMLElement && e.target.matches("input, textarea, select");
  if (e.key === "?" && !writing && !e.isComposing && !overlay.value) overlay.value = { kind: "help" };
}
