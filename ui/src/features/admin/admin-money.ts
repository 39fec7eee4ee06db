// What sites earn and owe, and what looks like abuse.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { Fetched } from "../../ui/fetched";
import { count, credits, month, price, size, time, wait } from "../../ui/format";
import { address } from "../../ui/page";
import { has, t } from "../../ui/texts";

type Money = Schema<"MoneyAnswer">;
type Alarm = Schema<"AlarmAnswer">;
type Flag = Schema<"FlagAnswer">;

interface Known {
  readonly money: Money;
  readonly alarms: readonly Alarm[];
  readonly flags: readonly Flag[];
}

async function look(signal: AbortSignal): Promise<Known> {
  const [money, alarms, flags] = await Promise.all([
    ask("get", "/v1/admin/money", { signal }),
    ask("get", "/v1/admin/alarms", { query: { seen: false, limit: 50 }, signal }),
    ask("get", "/v1/admin/flags", { query: { cleared: false, limit: 50 }, signal }),
  ]);
  return { money, alarms: alarms.data, flags: flags.data };
}

class AdminMoney extends HouseElement {
  readonly #known = new Fetched(this, look);

  // Does something, then looks at what became of it.
  #do(does: () => Promise<unknown>): Promise<void> {
    return this.#known.ask(async (signal) => {
      await does();
      return look(signal);
    });
  }

  #see({ id: alarm_id }: Alarm): Promise<void> {
    return this.#do(() => ask("post", "/v1/admin/alarms/{alarm_id}/seen", { place: { alarm_id } }));
  }

  async #clear(flag: Flag): Promise<void> {
    const reason = prompt(`${t("admin.money.clear")}: ${whose(flag)}\n\n${t("admin.reason")}`);
    if (reason === null) return;
    const place = { flag_id: flag.id };
    await this.#do(() =>
      ask("post", "/v1/admin/flags/{flag_id}/clear", { place, body: { reason } }),
    );
  }

  #missing(flags: readonly Flag[]): TemplateResult | typeof nothing {
    if (flags.length === 0) return nothing;
    const rows = flags.map((flag) => [
      time(flag.created_at),
      flag.site,
      html`<a href="#accounts?q=${flag.owner.id}">${whose(flag)}</a>`,
      credits(flag.short, flag.unit),
      flag.note,
      html`<button class="plain" aria-label=${`${t("admin.money.clear")}: ${whose(flag)}`}
        @click=${() => this.#clear(flag)}>${t("admin.money.clear")}</button>`,
    ]);
    const columns = ["when", "site", "account", "short", "why", "do"];
    return table(t("admin.money.flags"), columns, rows, t("admin.money.flags_lead"));
  }

  protected override render(): TemplateResult {
    return this.#known.view(
      t("admin.loading"),
      ({ money, alarms, flags }) => html`
      ${alarms.map(
        (alarm) => html`<p class="notice bad">
          <strong>${alarm.site}</strong>, ${time(alarm.raised_at)}: ${about(alarm)}
          <button class="plain" @click=${() => this.#see(alarm)}>${t("admin.money.seen")}</button>
        </p>`,
      )}
      ${this.#missing(flags)}
      ${shown(money)}`,
    );
  }
}

const whose = ({ owner }: Flag): string => owner.email ?? owner.id;

const facts = (data: Alarm["data"]): string =>
  Object.entries(data)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");

// Alarms whose subject is an account.
const OF_ACCOUNTS: ReadonlySet<string> = new Set(["jobs_per_hour", "plan_gone"]);

function about({ kind, subject, data }: Alarm): TemplateResult {
  const words = `admin.money.alarm_${kind}`;
  if (!has(words)) return html`${kind}, ${facts(data)}`;
  const told = {
    jobs: Number(data["jobs"] ?? 0),
    allowed: Number(data["allowed"] ?? 0),
    plan: String(data["plan"] ?? ""),
  };
  return html`${t(words, told)}
    ${OF_ACCOUNTS.has(kind) ? html`<a href="#accounts?q=${subject}">${t("admin.money.whose")}</a>` : nothing}`;
}

const state = (status: string): string =>
  has(`admin.money.plan_${status}`) ? t(`admin.money.plan_${status}`) : status;

const micro = (amount: number | null, currency: string | null): string =>
  amount === null || currency === null ? "–" : price(amount / 1e6, currency, 4);

function costs(rows: Money["costs"]): TemplateResult {
  return html`
    ${table(
      t("admin.money.costs"),
      ["month", "site", "jobs", "processor", "device", "stored", "cost", "each", "net", "margin"],
      rows.map((row) => [
        month(row.month),
        row.site,
        count(row.jobs),
        row.processor_s > 0 ? wait(row.processor_s) : "–",
        row.device_s > 0 ? wait(row.device_s) : "–",
        size(row.stored_bytes),
        micro(row.cost_microcents, row.currency),
        micro(row.cost_per_job_microcents, row.currency),
        row.currency === null ? "–" : price(row.net_cents, row.currency),
        row.margin_microcents === null || row.currency === null
          ? "–"
          : price(Math.round(row.margin_microcents / 1e6), row.currency),
      ]),
    )}
    ${rows.some((row) => row.currency === null) ? html`<p class="hint">${t("admin.money.no_tariff")}</p>` : nothing}
    ${rows.length === 0 ? nothing : exported("/v1/admin/money/costs", "export_costs")}`;
}

const exported = (path: string, words: string): TemplateResult =>
  html`<p><a class="button quiet" download href=${address(path)}>${t(`admin.money.${words}`)}</a></p>`;

function shown({ costs: spent, credits, takings, subscribers }: Money): TemplateResult {
  return html`
    ${table(
      t("admin.money.takings"),
      ["month", "site", "bills", "paid", "tax", "refunded", "net"],
      takings.map((row) => [
        month(row.month),
        row.site,
        count(row.bills),
        price(row.paid_cents, row.currency),
        price(row.tax_cents, row.currency),
        price(row.refunded_cents + row.disputed_cents, row.currency),
        price(row.net_cents, row.currency),
      ]),
    )}
    ${takings.length === 0 ? nothing : exported("/v1/admin/money/takings", "export")}
    ${costs(spent)}
    ${table(
      t("admin.money.subscribers"),
      ["site", "plan", "state", "accounts"],
      subscribers.map((row) => [row.site, row.plan, state(row.status), count(row.accounts)]),
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

// Columns that are compared from line to line.
const NUMBERS = new Set(
  (
    "accounts bills cost device each expired granted jobs margin net outstanding paid processor " +
    "refunded short spent stored taken_back tax"
  ).split(" "),
);

function table(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly (string | TemplateResult)[])[],
  lead = "",
): TemplateResult {
  const kind = (place: number) => (NUMBERS.has(columns[place] ?? "") ? "amount" : nothing);
  return html`<section class="stack"><h3>${title}</h3>
    ${lead === "" ? nothing : html`<p class="hint">${lead}</p>`}
    ${
      rows.length === 0
        ? html`<p class="hint">${t("admin.nothing")}</p>`
        : html`<div class="table-wrap" role="region" tabindex="0" aria-label=${title}><table>
          <thead><tr>${columns.map((name, place) => html`<th scope="col" class=${kind(place)}>${t(`admin.money.columns_${name}`)}</th>`)}</tr></thead>
          <tbody>${rows.map((row) => html`<tr>${row.map((cell, place) => html`<td class=${kind(place)}>${cell}</td>`)}</tr>`)}</tbody>
        </table></div>`
    }
  </section>`;
}

define("admin-money", AdminMoney);
