// What sites earn and owe, and what looks like abuse.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { isAbort, wordsFor } from "../../api/errors";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { count, time } from "../../ui/format";
import { address, page } from "../../ui/page";
import { t } from "../../ui/texts";

type Money = Schema<"MoneyAnswer">;
type Alarm = Schema<"AlarmAnswer">;

class AdminMoney extends HouseElement {
  #money: Money | null = null;
  #alarms: readonly Alarm[] = [];
  #trouble = "";

  protected override start(): void {
    void this.#look();
  }

  async #look(): Promise<void> {
    const { signal } = this.owner;
    try {
      const [money, alarms] = await Promise.all([
        ask("get", "/v1/admin/money", { signal }),
        ask("get", "/v1/admin/alarms", { query: { seen: false, limit: 50 }, signal }),
      ]);
      this.#money = money;
      this.#alarms = alarms.data;
      this.#trouble = "";
    } catch (error) {
      if (isAbort(error)) return;
      this.#trouble = wordsFor(error);
    }
    this.requestUpdate();
  }

  async #see(alarm_id: string): Promise<void> {
    try {
      await ask("post", "/v1/admin/alarms/{alarm_id}/seen", { place: { alarm_id } });
    } catch (error) {
      this.#trouble = wordsFor(error);
    }
    await this.#look();
  }

  protected override render(): TemplateResult {
    return html`
      ${this.#trouble ? html`<p class="notice bad" role="alert">${this.#trouble}</p>` : nothing}
      ${this.#alarms.map(
        (alarm) => html`<p class="notice bad">
          <strong>${alarm.site}: ${alarm.kind}</strong>, ${time(alarm.raised_at)}
          ${facts(alarm.data)}
          <button class="plain" @click=${() => this.#see(alarm.id)}>${t("admin.money.seen")}</button>
        </p>`,
      )}
      ${this.#money === null ? html`<p class="hint">${t("admin.loading")}</p>` : shown(this.#money)}`;
  }
}

const facts = (data: Alarm["data"]): string =>
  Object.entries(data)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");

const cents = (amount: number, currency: string): string => {
  const written = new Intl.NumberFormat(page.language, { style: "currency", currency });
  const digits = written.resolvedOptions().maximumFractionDigits ?? 2;
  return written.format(amount / 10 ** digits);
};

function shown({ credits, takings, subscribers }: Money): TemplateResult {
  return html`
    ${table(
      t("admin.money.takings"),
      ["month", "site", "bills", "paid", "tax", "refunded", "net"],
      takings.map((row) => [
        row.month,
        row.site,
        count(row.bills),
        cents(row.paid_cents, row.currency),
        cents(row.tax_cents, row.currency),
        cents(row.refunded_cents + row.disputed_cents, row.currency),
        cents(row.net_cents, row.currency),
      ]),
    )}
    ${
      takings.length === 0
        ? nothing
        : html`<p><a class="button quiet" download href=${address("/v1/admin/money/takings")}>
          ${t("admin.money.export")}</a></p>`
    }
    ${table(
      t("admin.money.subscribers"),
      ["site", "plan", "state", "accounts"],
      subscribers.map((row) => [row.site, row.plan, row.status, count(row.accounts)]),
    )}
    ${table(
      t("admin.money.credits"),
      ["site", "unit", "granted", "spent", "expired", "taken_back", "outstanding"],
      credits.map((row) => [
        row.site,
        t(`admin.money.${row.unit}`),
        count(row.granted),
        count(row.spent),
        count(row.expired),
        count(row.taken_back),
        count(row.outstanding),
      ]),
    )}`;
}

function table(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): TemplateResult {
  return html`<section class="stack"><h3>${title}</h3>
    ${
      rows.length === 0
        ? html`<p class="hint">${t("admin.nothing")}</p>`
        : html`<div class="table-wrap" role="region" tabindex="0" aria-label=${title}><table>
          <thead><tr>${columns.map((name) => html`<th scope="col">${t(`admin.money.columns_${name}`)}</th>`)}</tr></thead>
          <tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
        </table></div>`
    }
  </section>`;
}

define("admin-money", AdminMoney);
