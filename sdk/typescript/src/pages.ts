/** One page of a list. `following` is what asks for the next one; undefined after the last. */
export interface Page<T, Following = Readonly<Record<string, string | number>>> {
  readonly items: readonly T[];
  /** Counts all pages as far as the server does. */
  readonly total: number | undefined;
  readonly following: Following | undefined;
}

export type Following = Readonly<Record<string, string | number>>;

/** All items of a list: `for await (const item of pages)`. A page is asked for when it is needed. */
export class Pages<T> implements AsyncIterable<T> {
  constructor(private readonly ask: (following: Following) => Promise<Page<T>>) {}

  /** The first page alone. */
  first(): Promise<Page<T>> {
    return this.ask({});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    let following: Following | undefined = {};
    while (following) {
      const page: Page<T> = await this.ask(following);
      yield* page.items;
      following = page.following;
    }
  }
}

/** A page of a list that is read by offset; a page that is not full is the last. */
export function pageByOffset<T>(
  items: readonly T[],
  about: { total?: number | null; limit: number; offset: number },
): Page<T> {
  const { limit, offset } = about;
  const isFull = limit > 0 && items.length >= limit;
  const following = isFull ? { limit, offset: offset + items.length } : undefined;
  return { items, total: about.total ?? undefined, following };
}
