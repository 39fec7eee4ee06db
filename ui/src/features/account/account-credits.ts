// What may still be taken apart, until when, and everything that moved it.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { isAbort, wordsFor } from "../../api/errors";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { day, time } from "../../ui/format";
import { t } from "../../ui/texts";
import { change, credits, reason } from "./credits";
import "./job-receipt";

type Balance = Schema<"BalanceAnswer">;
type Entry = Schema<"EntryAnswer">;

const AT_ONCE = 10;
// Both are one movement of a song's price, which has one receipt.
const ENDS = new Set<Entry["kind"]>(["settle", "refund"]);

class AccountCredits extends HouseElement {
  #balance: Balance | null = null;
  #entries: readonly Entry[] = [];
  #cursor: string | null = null;
  #trouble = "";

  protected override start(): void {
    void this.load();
  }

  // Again after something was bought.
  async load(): Promise<void> {
    await this.#fetch(async (signal) => {
      const [balance, page] = await Promise.all([
        ask("get", "/v1/balance", { signal }),
        ask("get", "/v1/balance/entries", { query: { limit: AT_ONCE }, signal }),
      ]);
      this.#balance = balance;
      this.#entries = page.data;
      this.#cursor = page.next_cursor;
    });
  }

  readonly #more = (): Promise<void> =>
    this.#fetch(async (signal) => {
      const query = { limit: AT_ONCE, cursor: this.#cursor };
      const page = await ask("get", "/v1/balance/entries", { query, signal });
      this.#entries = [...this.#entries, ...page.data];
      this.#cursor = page.next_cursor;
    });

  async #fetch(does: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await does(this.owner.signal);
      this.#trouble = "";
    } catch (error) {
      if (isAbort(error)) return;
      this.#trouble = wordsFor(error);
    }
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const balance = this.#balance;
    return html`
      <h2>${t("money.credits")}</h2>
      ${this.#trouble ? html`<p class="notice bad" role="alert">${this.#trouble}</p>` : nothing}
      ${balance === null ? html`<p class="hint">${t("money.loading")}</p>` : this.#standing(balance)}
      ${this.#entries.length === 0 ? nothing : this.#history()}`;
  }

  #standing({ available, held, lots, unit, withheld }: Balance): TemplateResult {
    return html`
      <p class="balance"><strong>${credits(available, unit)}</strong>
        ${held > 0 ? html`<span class="hint">${t("money.held", { amount: credits(held, unit) })}</span>` : nothing}</p>
      ${
        lots.length === 0
          ? nothing
          : html`<ul class="lots">${lots.map(
              (lot) => html`<li>${credits(lot.available, unit)}
              <span class="hint">${
                lot.expires_at === null
                  ? t("money.lasts")
                  : t("money.lasts_until", { day: day(lot.expires_at) })
              }</span></li>`,
            )}</ul>`
      }
      ${
        withheld === null
          ? nothing
          : html`<p class="notice">${t(`money.withheld_${withheld.reason}`, { amount: credits(withheld.amount, unit) })}</p>`
      }`;
  }

  #history(): TemplateResult {
    const columns = ["when", "what", "change", "left"];
    return html`<details class="history">
      <summary>${t("money.history")}</summary>
      <div class="table-wrap" tabindex="0" role="region" aria-label=${t("money.history")}><table>
        <thead><tr>${columns.map((name) => html`<th scope="col">${t(`money.column_${name}`)}</th>`)}</tr></thead>
        <tbody>${this.#entries.map(
          (entry) => html`<tr>
          <td class="number">${time(entry.created_at)}</td>
          <td>${reason(entry)}
            ${entry.job_id !== null && ENDS.has(entry.kind) ? html`<job-receipt .job_id=${entry.job_id}></job-receipt>` : nothing}</td>
          <td class="number">${entry.amount === 0 ? nothing : change(entry.amount, entry.unit)}</td>
          <td class="number">${credits(entry.available_after, entry.unit)}</td>
        </tr>`,
        )}</tbody></table></div>
      ${this.#cursor === null ? nothing : html`<p class="actions"><button type="button" class="quiet" @click=${this.#more}>${t("money.more")}</button></p>`}
    </details>`;
  }
}

define("account-credits", AccountCredits);
