// <buy-button>: begins to buy a pack or a plan, and goes where it is paid. The server has written
// the button; what talks to the API is loaded when somebody presses it.
import { Owner } from "../../ui/owner";

export class BuyButton extends HTMLElement {
  #owner = new Owner();

  connectedCallback(): void {
    this.#owner = new Owner();
    const button = this.querySelector("button");
    if (button === null) return;
    this.#owner.listen(button, "click", () => void this.#buy(button));
    // Whoever comes back by the browser's own button finds the page as they left it.
    this.#owner.listen(window, "pageshow", () => {
      button.disabled = false;
    });
  }

  disconnectedCallback(): void {
    this.#owner.end();
  }

  async #buy(button: HTMLButtonElement): Promise<void> {
    button.disabled = true;
    this.#tell("");
    try {
      const { checkout } = await import("./checkout");
      location.assign(await checkout(this.dataset, this.#owner.signal));
    } catch (error) {
      button.disabled = false;
      this.#tell(error instanceof Error && error.message ? error.message : "");
    }
  }

  #tell(text: string): void {
    const says = this.querySelector("[role=status]");
    if (says !== null) says.textContent = text;
  }
}

customElements.define("buy-button", BuyButton);
