// Reads a stream of server-sent events: text comes in pieces cut anywhere, events go out whole.

/** One event: its name, and its data as JSON says it. @typedef {{type: string, data: any}} StreamEvent */

export class EventReader {
  #rest = "";
  #type = "";
  #data = [];

  /**
   * Takes the next piece; returns the events that it completes. Comments and fields of no use here are passed over.
   * @param {string} piece
   * @returns {StreamEvent[]}
   */
  feed(piece) {
    const text = this.#rest + piece;
    // A carriage return at the very end may be the first half of a line's end.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line) {
    if (line === "") return this.#complete();
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") this.#type = value;
    if (field === "data") this.#data.push(value);
    return [];
  }

  #complete() {
    const type = this.#type || "message", data = this.#data.join("\n");
    this.#type = "";
    this.#data = [];
    return data ? [{ type, data: JSON.parse(data) }] : [];
  }
}

/**
 * Yields the events of a response as they come.
 * @param {Response} response
 * @returns {AsyncGenerator<StreamEvent>}
 */
export async function* eventsOf(response) {
  const reader = response.body.getReader(), decoder = new TextDecoder(), events = new EventReader();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* events.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Whoever stops listening frees the service at once.
    reader.cancel().catch(() => {});
  }
}
