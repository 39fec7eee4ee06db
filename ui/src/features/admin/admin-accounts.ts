// Accounts, and what operators can do about them.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { QueryOf, Schema } from "../../api/types";
import { define } from "../../ui/element";
import { count, day, size } from "../../ui/format";
import { t } from "../../ui/texts";
import { AdminList, choiceField, chosen, filterForm, siteField, wordsField } from "./table";

type Row = Schema<"AccountForOperators">;
type Filter = NonNullable<QueryOf<"/v1/admin/accounts", "get">>;

class AdminAccounts extends AdminList<Row> {
  #filter: Filter = Object.fromEntries(new URLSearchParams(location.hash.split("?")[1] ?? ""));

  protected override fetchPage(cursor: string | undefined) {
    const query = { ...this.#filter, limit: 50, ...(cursor === undefined ? {} : { cursor }) };
    return ask("get", "/v1/admin/accounts", { query, signal: this.owner.signal });
  }

  protected override filters(): TemplateResult {
    const choices = [["true", t("admin.accounts.blocked")]] as const;
    return filterForm(
      html`${wordsField()} ${siteField()}
        ${choiceField("blocked", t("admin.columns.state"), choices)}`,
      (form) => {
        this.#filter = chosen(form);
        void this.load();
      },
    );
  }

  protected override table(): TemplateResult {
    return html`<table>
      <thead><tr>
        ${["account", "site", "plan", "songs", "stems", "created", "actions"].map(
          (name) => html`<th scope="col">${t(`admin.columns.${name}`)}</th>`,
        )}
      </tr></thead>
      <tbody>${this.rows.map((row) => this.#row(row))}</tbody>
    </table>`;
  }

  #row(row: Row): TemplateResult {
    return html`<tr>
      <th scope="row">${row.email ?? t("admin.accounts.guest")}<br />
        <small><code>${row.id}</code>
        ${row.blocked ? html` · ${t("admin.accounts.blocked")}` : nothing}
        ${row.verified || row.kind === "guest" ? nothing : html` · ${t("admin.accounts.unverified")}`}
        ${row.operates === null ? nothing : html` · ${t("admin.accounts.operator")}`}</small></th>
      <td>${row.site}</td>
      <td>${row.plan}</td>
      <td><a href="#jobs?q=${row.id}">${count(row.jobs)}</a></td>
      <td>${size(row.stored_bytes)}</td>
      <td>${day(row.created_at)}</td>
      <td class="buttons">
        ${
          row.operates === null
            ? html`${this.#button(row, row.blocked ? "unblock" : "block")}
              ${this.#button(row, "deletion")}`
            : nothing
        }
      </td>
    </tr>`;
  }

  #button(row: Row, does: "block" | "unblock" | "deletion"): TemplateResult {
    const words = t(`admin.accounts.${does}`);
    const whose = row.email ?? row.id;
    const act = () =>
      this.act(`${words}: ${whose}`, (reason) =>
        ask("post", `/v1/admin/accounts/{account_id}/${does}`, {
          place: { account_id: row.id },
          body: { reason },
        }),
      );
    return html`<button class="plain" aria-label=${`${words}: ${whose}`} @click=${act}>
      ${words}</button>`;
  }
}

define("admin-accounts", AdminAccounts);
