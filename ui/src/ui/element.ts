// What all working parts share: they render into the page itself, replace what the server put into
// them, and own what they start.
import { LitElement, type PropertyValues } from "lit";
import { Owner } from "./owner";
import type { Store } from "./store";

export abstract class HouseElement extends LitElement {
  // A new one each time the element enters a page; ended when it leaves.
  protected owner = new Owner();

  protected override createRenderRoot(): HTMLElement {
    this.replaceChildren();
    return this;
  }

  override connectedCallback(): void {
    if (this.owner.ended) this.owner = new Owner();
    super.connectedCallback();
    this.start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.owner.end();
  }

  // Called whenever the element enters a page: the place to listen, follow and fetch.
  protected start(): void {}

  protected follow<T>(store: Store<T>): void {
    this.owner.hold(store.subscribe(() => this.requestUpdate()));
  }

  // Moves the focus to an element once it is there.
  protected focusOn(selector: string): void {
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(selector)?.focus());
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    this.dataset["ready"] = "yes";
  }
}

export function define(name: string, element: CustomElementConstructor): void {
  if (customElements.get(name) === undefined) customElements.define(name, element);
}
