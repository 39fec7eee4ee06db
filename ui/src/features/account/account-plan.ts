// The plan that is paid for, the way to change it, and what was paid.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define } from "../../ui/element";
import { Fetched } from "../../ui/fetched";
import { FormElement } from "../../ui/form";
import { day, price } from "../../ui/format";
import { pageAddress } from "../../ui/page";
import { has, t } from "../../ui/texts";
import { titled } from "./credits";

type Store = Schema<"StoreAnswer">;
type Bill = Schema<"BillAnswer">;

interface Known {
  readonly store: Store;
  readonly bills: readonly Bill[];
}

async function look(signal: AbortSignal): Promise<Known> {
  const [store, bills] = await Promise.all([
    ask("get", "/v1/store", { signal }),
    ask("get", "/v1/invoices", { query: { limit: 24 }, signal }),
  ]);
  return { store, bills: bills.data };
}

class AccountPlan extends FormElement {
  readonly #known = new Fetched(this, look);

  load(): Promise<void> {
    return this.#known.load();
  }

  protected override render(): TemplateResult {
    return this.#known.view(t("money.loading"), (known) => this.#shown(known));
  }

  #shown({ store, bills }: Known): TemplateResult {
    return html`
      <h2>${t(store.has_plans ? "money.plan" : "money.payments")}</h2>
      ${store.subscription === null ? this.#noPlan(store) : this.#plan(store.subscription)}
      ${this.saying()}
      <p class="actions">
        <a class="button quiet" href=${pageAddress("/prices")}>${t("money.see_prices")}</a>
        ${store.has_portal ? html`<button type="button" class="quiet" ?disabled=${this.busy} @click=${this.#portal}>${t(store.has_plans ? "money.portal" : "money.cards")}</button>` : nothing}
      </p>
      ${bills.length === 0 ? nothing : this.#paid(bills)}`;
  }

  #noPlan(store: Store): TemplateResult | typeof nothing {
    return store.has_plans ? html`<p>${t("money.no_plan")}</p>` : nothing;
  }

  #plan(plan: NonNullable<Store["subscription"]>): TemplateResult {
    const name = html`<strong>${titled(plan.plan)}</strong>`;
    if (plan.grace_until !== null)
      return html`<p>${name}</p>
        <p class="notice bad" role="alert">${t("money.unpaid", { day: day(plan.grace_until) })}</p>`;
    if (plan.changes_to !== null)
      return html`<p>${name} <span class="hint">${t("money.changes", { plan: titled(plan.changes_to), day: day(plan.period_end) })}</span></p>`;
    return plan.ends_at === null
      ? html`<p>${name} <span class="hint">${t("money.renews", { day: day(plan.period_end) })}</span></p>`
      : html`<p>${name} <span class="hint">${t("money.ends", { day: day(plan.ends_at) })}</span></p>`;
  }

  #paid(bills: readonly Bill[]): TemplateResult {
    return html`<details class="history">
      <summary>${t("money.invoices")}</summary>
      <div class="table-wrap" tabindex="0" role="region" aria-label=${t("money.invoices")}><table>
        <thead><tr>${["when", "what", "total", "state", "papers"].map(
          (name) =>
            html`<th scope="col" class=${name === "total" ? "amount" : nothing}>${t(`money.column_${name}`)}</th>`,
        )}</tr></thead>
        <tbody>${bills.map((bill) => this.#bill(bill))}</tbody>
      </table></div></details>`;
  }

  #bill(bill: Bill): TemplateResult {
    const back = bill.refunded_cents > 0;
    const state = has(`money.bill_${bill.status}`) ? t(`money.bill_${bill.status}`) : bill.status;
    const paper = (name: string, url: string | null) =>
      url === null
        ? nothing
        : html`<a href=${url} target="_blank" rel="noopener"
          aria-label=${t("money.paper_of", { paper: t(`money.paper_${name}`), number: bill.number ?? bill.id })}
          >${t(`money.paper_${name}`)}</a>`;
    return html`<tr>
      <td class="when">${day(bill.created_at)}</td>
      <td>${titled(bill.item)}</td>
      <td class="amount">${price(bill.total_cents, bill.currency)}</td>
      <td>${state}${back ? html`<br /><small>${t("money.went_back", { amount: price(bill.refunded_cents, bill.currency) })}</small>` : nothing}</td>
      <td><span class="actions">${paper("invoice", bill.hosted_url)} ${paper("receipt", bill.receipt_url)}</span></td>
    </tr>`;
  }

  readonly #portal = (): void => {
    void this.run(async () => {
      const body = { return_path: "/account?back=yes" };
      const { url } = await ask("post", "/v1/portal", { body });
      location.assign(url);
      return null;
    });
  };
}

define("account-plan", AccountPlan);
