// A value that views watch.

export class Store<T> {
  #value: T;
  readonly #watchers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher(value);
  }

  patch(part: Partial<T>): void {
    const changed = Object.entries(part).some(
      ([name, value]) => !Object.is(value, this.#value[name as keyof T]),
    );
    if (changed) this.set({ ...this.#value, ...part });
  }

  // Calls back with every later value; the answer ends it.
  watch(watcher: (value: T) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  clear(): void {
    this.#watchers.clear();
  }
}
