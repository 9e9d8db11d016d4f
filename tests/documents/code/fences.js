// Writes the notices on the board as Markdown.
import { readFile } from "node:fs/promises";

const FENCE = "```";

/* function oldBoard() {
   kept for the record
*/
export class Board extends Surface {
  #pins = 0;

  static get height() {
    return 2;
  }

  constructor(name) {
    super(name);
  }

  async print(
    notice,
    colour = "green",
  ) {
    // A notice hangs for 23 days.
    const text = `
\`\`\`
${notice}
\`\`\`
`;
    if (colour) {
      return text;
    }
  }
}

/**
 * Shows one notice:
 *
 * ```js
 * show("tea at four");
 * ```
 */
export const show = async (notice) => {
````
  return FENCE + notice;
};

module.exports.hide = function (notice) {
  return notice;
};
