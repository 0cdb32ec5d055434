import type { Author } from "../../client/app.js";
import { hueOf, sealOf } from "../colour.js";

// Seal is the square that stands for a person, in their colour.
export function Seal({ author }: { author: Author }) {
  return (
    <span class="seal" aria-hidden="true" style={{ "--hue": String(hueOf(author)) }}>
      {sealOf(author.name)}
    </span>
  );
}
