// What the lists of operators share: pages that grow, filters, and one way to ask for a reason.
import { html, nothing, type TemplateResult } from "lit";
import { isAbort, wordsFor } from "../../api/errors";
import { announce } from "../../ui/announce";
import { HouseElement } from "../../ui/element";
import { t } from "../../ui/texts";

interface Answer<Row> {
  readonly data: readonly Row[];
  readonly next_cursor?: string | null;
}

export abstract class AdminList<Row> extends HouseElement {
  protected rows: readonly Row[] = [];
  protected trouble = "";
  protected busy = true;
  #cursor: string | null = null;
  #asked = 0;

  protected abstract fetchPage(cursor: string | undefined): Promise<Answer<Row>>;
  protected abstract filters(): TemplateResult | typeof nothing;
  protected abstract table(): TemplateResult;

  protected override start(): void {
    void this.load();
  }

  // Answers to questions that have been asked anew since are dropped.
  protected async load(more = false): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    this.busy = true;
    this.requestUpdate();
    try {
      const answer = await this.fetchPage((more && this.#cursor) || undefined);
      if (asked !== this.#asked) return;
      this.rows = more ? [...this.rows, ...answer.data] : answer.data;
      this.#cursor = answer.next_cursor ?? null;
      this.trouble = "";
    } catch (error) {
      if (isAbort(error) || asked !== this.#asked) return;
      this.trouble = wordsFor(error);
    }
    this.busy = false;
    this.requestUpdate();
  }

  // Does something to one row, with a reason for the record; null is given up.
  protected async act(question: string, does: (reason: string) => Promise<unknown>): Promise<void> {
    const reason = prompt(`${question}\n\n${t("admin.reason")}`);
    if (reason === null) return;
    try {
      await does(reason);
      announce(t("admin.done"));
      await this.load();
    } catch (error) {
      if (isAbort(error)) return;
      this.trouble = wordsFor(error);
      this.requestUpdate();
    }
  }

  protected override render(): TemplateResult {
    return html`
      ${this.filters()}
      ${this.trouble ? html`<p class="notice bad" role="alert">${this.trouble}</p>` : nothing}
      ${
        this.rows.length === 0 && !this.busy && !this.trouble
          ? html`<p class="hint">${t("admin.nothing")}</p>`
          : html`<div class="table-wrap" role="region" aria-label=${t("admin.list")} tabindex="0"
            aria-busy=${this.busy}>${this.table()}</div>`
      }
      ${
        this.#cursor === null
          ? nothing
          : html`<p><button class="quiet" ?disabled=${this.busy} @click=${() => this.load(true)}>
            ${t("admin.more")}</button></p>`
      }`;
  }
}

// A filter form that asks when something is chosen, or a search is sent.
export function filterForm(parts: TemplateResult, ask: (form: FormData) => void): TemplateResult {
  const send = (event: Event): void => {
    event.preventDefault();
    ask(new FormData(event.currentTarget as HTMLFormElement));
  };
  return html`<form class="filters" role="search" @submit=${send} @change=${send}>
    ${parts}
    <button class="quiet">${t("admin.search")}</button>
  </form>`;
}

export const wordsField = (): TemplateResult =>
  html`<label class="field"><span>${t("admin.words")}</span>
    <input name="q" type="search" maxlength="200" /></label>`;

export const siteField = (): TemplateResult =>
  html`<label class="field"><span>${t("admin.site")}</span>
    <input name="site" list="admin-sites" maxlength="32" /></label>`;

export function choiceField(
  name: string,
  label: string,
  choices: readonly (readonly [string, string])[],
): TemplateResult {
  return html`<label class="field"><span>${label}</span>
    <select name=${name}>
      <option value="">${t("admin.any")}</option>
      ${choices.map(([value, words]) => html`<option value=${value}>${words}</option>`)}
    </select></label>`;
}

// What a form holds, without what was left empty.
export function chosen(form: FormData): Record<string, string> {
  const pairs = [...form.entries()].map(([name, value]) => [name, String(value).trim()] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ""));
}
