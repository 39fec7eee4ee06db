// The log of one endpoint: what was sent, and what came of it.
import { html, type TemplateResult } from "lit";
import type { Schema } from "../../api/types";
import { count, time } from "../../ui/format";
import { t } from "../../ui/texts";

type Delivery = Schema<"DeliveryAnswer">;

export function deliveriesView(
  deliveries: readonly Delivery[],
  again: (delivery: Delivery) => void,
): TemplateResult {
  if (deliveries.length === 0) return html`<p class="hint">${t("account.nothing_sent")}</p>`;
  return html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("account.log")}><table>
    <thead><tr><th scope="col">${t("account.log_when")}</th><th scope="col">${t("account.log_event")}</th>
      <th scope="col">${t("account.log_state")}</th><th scope="col">${t("account.log_tries")}</th>
      <th scope="col"><span class="unseen">${t("account.log_again")}</span></th></tr></thead>
    <tbody>${deliveries.map(
      (one) => html`<tr>
        <td>${time(one.created_at)}</td><td><code>${one.event}</code></td>
        <td>${t(`account.delivery_${one.state}`)}</td><td>${count(one.attempts)}</td>
        <td>${one.state === "pending" ? "" : html`<button type="button" class="quiet small" @click=${() => again(one)}>${t("account.log_again")}</button>`}</td>
      </tr>`,
    )}</tbody></table></div>`;
}
