// Forms that ask the API: one at a time, what went wrong beside them, nothing lost.
import { html, nothing, type TemplateResult } from "lit";
import { wordsFor } from "../api/errors";
import { HouseElement } from "./element";

export type Said = { readonly good: boolean; readonly words: string } | null;

export abstract class FormElement extends HouseElement {
  static override properties = { busy: { state: true }, said: { state: true } };
  declare busy: boolean;
  declare said: Said;

  constructor() {
    super();
    this.busy = false;
    this.said = null;
  }

  // Runs what a form asks for. `does` gets its fields and returns what to say when it went well.
  protected submit(does: (fields: Fields) => Promise<string | null>) {
    return async (event: SubmitEvent): Promise<void> => {
      event.preventDefault();
      const form = event.target as HTMLFormElement;
      if (this.busy) return;
      await this.run(() => does(new Fields(form)), form);
    };
  }

  protected async run(does: () => Promise<string | null>, form?: HTMLFormElement): Promise<void> {
    this.busy = true;
    this.said = null;
    try {
      const words = await does();
      this.said = words === null ? null : { good: true, words };
      form?.reset();
    } catch (error) {
      this.said = { good: false, words: wordsFor(error) };
    }
    this.busy = false;
  }

  protected saying(): TemplateResult | typeof nothing {
    if (this.said === null) return nothing;
    return this.said.good
      ? html`<p class="notice" role="status">${this.said.words}</p>`
      : html`<p class="notice bad" role="alert">${this.said.words}</p>`;
  }
}

export class Fields {
  readonly #data: FormData;

  constructor(form: HTMLFormElement) {
    this.#data = new FormData(form);
  }

  text(name: string): string {
    return String(this.#data.get(name) ?? "");
  }

  all(name: string): string[] {
    return this.#data.getAll(name).map(String);
  }

  has(name: string): boolean {
    return this.#data.has(name);
  }
}

export interface FieldOptions {
  readonly type?: string;
  readonly autocomplete?: string;
  readonly required?: boolean;
  readonly minlength?: number;
  readonly maxlength?: number;
  readonly hint?: string;
  readonly value?: string;
}

export function field(name: string, label: string, options: FieldOptions = {}): TemplateResult {
  const { type = "text", required = true, hint, value = "" } = options;
  const hintId = `${name}-hint`;
  return html`
    <div class="field">
      <label for=${`field-${name}`}>${label}</label>
      <input id=${`field-${name}`} name=${name} type=${type} ?required=${required} .value=${value}
        autocomplete=${options.autocomplete ?? "off"} minlength=${options.minlength ?? nothing}
        maxlength=${options.maxlength ?? nothing} aria-describedby=${hint ? hintId : nothing} />
      ${hint ? html`<small id=${hintId}>${hint}</small>` : nothing}
    </div>`;
}
