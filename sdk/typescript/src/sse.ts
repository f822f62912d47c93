/** One event of a stream. `name` is empty for the unnamed ones. */
export interface Frame {
  readonly name: string;
  readonly data: string;
  readonly id: string;
}

/** Reads server-sent events as the WHATWG HTML standard has them, from bytes as they come. */
export class Decoder {
  #rest: string[] = [];
  #name = '';
  #data: string[] = [];
  #id = '';
  readonly #text = new TextDecoder();

  /** The events that these bytes complete. */
  *feed(chunk: Uint8Array): Generator<Frame> {
    const lines = this.#text.decode(chunk, { stream: true }).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      const whole = [...this.#rest, line].join('').replace(/\r$/, '');
      this.#rest = [];
      if (whole !== '') {
        this.#field(whole);
      } else if (this.#data.length > 0) {
        yield { name: this.#name, data: this.#data.join('\n'), id: this.#id };
        [this.#name, this.#data] = ['', []];
      } else {
        this.#name = '';
      }
    }
    if (rest !== '') {
      this.#rest.push(rest);
    }
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon); // empty: a comment
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') {
      this.#data.push(value);
    } else if (name === 'event') {
      this.#name = value;
    } else if (name === 'id' && !value.includes('\0')) {
      this.#id = value;
    }
  }
}
