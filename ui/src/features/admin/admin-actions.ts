// What operators did: the record, which nobody can change.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define } from "../../ui/element";
import { time } from "../../ui/format";
import { t } from "../../ui/texts";
import { AdminList } from "./table";

class AdminActions extends AdminList<Schema<"ActionAnswer">> {
  protected override fetchPage(cursor: string | undefined) {
    const query = { limit: 50, ...(cursor === undefined ? {} : { cursor }) };
    return ask("get", "/v1/admin/actions", { query, signal: this.owner.signal });
  }

  protected override filters(): typeof nothing {
    return nothing;
  }

  protected override table(): TemplateResult {
    return html`<table>
      <thead><tr>
        ${["created", "site", "action", "target", "actor", "reason"].map(
          (name) => html`<th scope="col">${t(`admin.columns.${name}`)}</th>`,
        )}
      </tr></thead>
      <tbody>
        ${this.rows.map(
          (row) => html`<tr>
            <td>${time(row.at)}</td>
            <td>${row.site}</td>
            <td>${row.kind}</td>
            <td><code>${row.target_id}</code></td>
            <td><code>${row.actor_id}</code></td>
            <td>${row.reason}</td>
          </tr>`,
        )}
      </tbody>
    </table>`;
  }
}

define("admin-actions", AdminActions);
