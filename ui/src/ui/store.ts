// State outside the views: a value, and who wants to know when it changes.
import type { Release } from "./owner";

export class Store<T> {
  readonly #listeners = new Set<(value: T) => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of this.#listeners) listener(value);
  }

  change(make: (value: T) => T): void {
    this.set(make(this.#value));
  }

  subscribe(listener: (value: T) => void): Release {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
