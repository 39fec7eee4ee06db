// What may still be taken apart, until when, and everything that moved it.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { Fetched } from "../../ui/fetched";
import { credits, day, time } from "../../ui/format";
import { t } from "../../ui/texts";
import { change, reason } from "./credits";
import "./job-receipt";

type Balance = Schema<"BalanceAnswer">;
type Entry = Schema<"EntryAnswer">;

const AT_ONCE = 10;
// Both are one movement of a song's price, which has one receipt.
const ENDS = new Set<Entry["kind"]>(["settle", "refund"]);

interface Known {
  readonly balance: Balance;
  readonly entries: readonly Entry[];
  readonly cursor: string | null;
}

async function look(signal: AbortSignal): Promise<Known> {
  const [balance, page] = await Promise.all([
    ask("get", "/v1/balance", { signal }),
    ask("get", "/v1/balance/entries", { query: { limit: AT_ONCE }, signal }),
  ]);
  return { balance, entries: page.data, cursor: page.next_cursor };
}

class AccountCredits extends HouseElement {
  readonly #known = new Fetched(this, look);

  // Again after something was bought.
  load(): Promise<void> {
    return this.#known.load();
  }

  #more({ balance, entries, cursor }: Known): Promise<void> {
    return this.#known.ask(async (signal) => {
      const query = { limit: AT_ONCE, cursor };
      const page = await ask("get", "/v1/balance/entries", { query, signal });
      return { balance, entries: [...entries, ...page.data], cursor: page.next_cursor };
    });
  }

  protected override render(): TemplateResult {
    return html`
      <h2>${t("money.credits")}</h2>
      ${this.#known.view(
        t("money.loading"),
        (known) => html`${this.#standing(known.balance)} ${this.#history(known)}`,
      )}`;
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

  // With roles, because phones lay it out as boxes, and some browsers then forget that it is a table.
  #history(known: Known): TemplateResult | typeof nothing {
    if (known.entries.length === 0) return nothing;
    const columns = ["when", "what", "change", "left"];
    return html`<details class="history">
      <summary>${t("money.history")}</summary>
      <div class="table-wrap" tabindex="0" role="region" aria-label=${t("money.history")}><table role="table">
        <thead role="rowgroup"><tr role="row">${columns.map((name, place) => html`<th scope="col" role="columnheader" class=${place > 1 ? "amount" : nothing}>${t(`money.column_${name}`)}</th>`)}</tr></thead>
        <tbody role="rowgroup">${known.entries.map(
          (entry) => html`<tr role="row">
          <td role="cell" class="when">${time(entry.created_at)}</td>
          <td role="cell">${reason(entry)}
            ${entry.job_id !== null && ENDS.has(entry.kind) ? html`<job-receipt .job_id=${entry.job_id}></job-receipt>` : nothing}</td>
          <td role="cell" class="amount">${entry.amount === 0 ? nothing : change(entry.amount, entry.unit)}</td>
          <td role="cell" class="amount">${credits(entry.available_after, entry.unit)}</td>
        </tr>`,
        )}</tbody></table></div>
      ${known.cursor === null ? nothing : html`<p class="actions"><button type="button" class="quiet" @click=${() => this.#more(known)}>${t("money.more")}</button></p>`}
    </details>`;
  }
}

define("account-credits", AccountCredits);
