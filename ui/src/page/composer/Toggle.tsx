import { connection, here } from "../here.js";
import { t } from "../i18n.js";

// Toggle closes the connection, and opens it again.
export function Toggle({ id }: { id?: string }) {
  const off = connection.value.kind === "offline";
  return (
    <button type="button" id={id} class={off ? "quiet wanted" : "quiet"} onClick={() => (off ? here.open() : here.close())}>
      {t(off ? "room.open" : "room.close")}
    </button>
  );
}
