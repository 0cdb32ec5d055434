import { here, room } from "../here.js";
import { count, t } from "../i18n.js";
import { Icon } from "../parts/Icon.js";
import { IconButton } from "../parts/IconButton.js";
import { far, passed, toEnd, unreadAbove } from "./where.js";

// FirstUnread leads to where one stopped reading, when that is out of sight above.
export function FirstUnread() {
  const from = room.value?.unreadFrom ?? null;
  if (from === null || !unreadAbove.value || passed.value === from) return null;
  return (
    <div class="pills top">
      <div class="pill">
        <button type="button" id="first-unread" onClick={() => ((passed.value = from), here.toFirstUnread())}>
          <Icon name="up" />
          {t("feed.firstUnread")}
        </button>
        <IconButton icon="close" label={t("feed.dismiss")} onClick={() => (passed.value = from)} />
      </div>
    </div>
  );
}

// ToNewest says what came while one was reading elsewhere, and leads there.
export function ToNewest() {
  const missed = room.value?.missed ?? 0;
  const away = far.value || room.value?.attached === false;
  return (
    <div class="pills bottom">
      <button type="button" id="newer" class="pill" hidden={missed === 0} onClick={toEnd}>
        {missed > 0 && count("room.newMessages", missed)}
      </button>
      {missed === 0 && away && <IconButton id="newest" icon="down" class="round" label={t("feed.newest")} onClick={toEnd} />}
    </div>
  );
}
