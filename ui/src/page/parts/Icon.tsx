// The page's icons: strokes on a field of 24, in the colour of the text.

const paths = {
  rooms: "M4 6.5h16M4 12h16M4 17.5h10",
  people: "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 19.5c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5M15.5 4.9a3.5 3.5 0 0 1 0 6.2M18 14.9c1.9.7 3.1 2.3 3.5 4.6",
  close: "M6 6l12 12M18 6L6 18",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14.2c.8 1.3 2 2 3.5 2s2.7-.7 3.5-2M9 9.5v.2M15 9.5v.2",
  reply: "M10 6l-6 5.5 6 5.5v-3.5c5 0 8 1.2 10 4.5-.3-6-3.8-9-10-9z",
  more: "M6.2 12a.9.9 0 1 1-1.8 0 .9.9 0 0 1 1.8 0zM12.9 12a.9.9 0 1 1-1.8 0 .9.9 0 0 1 1.8 0zM19.6 12a.9.9 0 1 1-1.8 0 .9.9 0 0 1 1.8 0z",
  copy: "M9 9h10.5v11H9zM15 9V4.5H4.5v11H9",
  link: "M10 14a4 4 0 0 0 5.7 0l3.5-3.5a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.5 3.5a4 4 0 0 0 5.7 5.7l1.5-1.5",
  edit: "M4.5 19.5l.8-4L16 4.8l3.2 3.2L8.5 18.7zM13.5 7.3l3.2 3.2",
  remove: "M5 7h14M9.5 7V4.5h5V7M7 7l.8 12.5h8.4L17 7M10.5 10.5v5.5M13.5 10.5v5.5",
  down: "M12 5v14M6 13l6 6 6-6",
  up: "M12 19V5M6 11l6-6 6 6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  help: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.6 9.6c.2-1.5 1.2-2.3 2.5-2.3 1.4 0 2.5.9 2.5 2.2 0 1.9-2.6 2-2.6 4M12 16.6v.2",
  mute: "M4 4l16 16M9.5 5a6 6 0 0 1 8.5 5.5c0 2 .3 3.4.8 4.5M6.2 9.5C6 12.5 5.5 14.5 4 17h12.5M10 20h4",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
