// The price of all that is ready, and the button that accepts it.
import { html, nothing, type TemplateResult } from "lit";
import type { SiteFacts } from "../../api/site";
import { count, songs, wait } from "../../ui/format";
import { t } from "../../ui/texts";
import { choice } from "./choice";
import type { Item } from "./items";

export function amount(value: number, unit: SiteFacts["unit"]): string {
  if (value === 0) return t("uploader.free");
  return unit === "song" ? songs(value) : wait(value);
}

const priceOf = (item: Item): number =>
  item.state.at === "priced" ? item.state.quote.price.amount : 0;

const unitOf = (item: Item): SiteFacts["unit"] | undefined =>
  item.state.at === "priced" ? item.state.quote.price.unit : undefined;

export function startView(
  items: readonly Item[],
  site: SiteFacts,
  start: () => void,
): TemplateResult | typeof nothing {
  // Nothing is on its way to a price: each song says why, and what can be done.
  if (items.every(({ state }) => state.at === "refused" || state.at === "failed")) return nothing;
  const ready = items.filter((item) => item.state.at === "priced");
  const total = ready.reduce((sum, item) => sum + priceOf(item), 0);
  const unit = ready.map(unitOf)[0] ?? site.unit;
  if (!choice.value.rights) return html`<p class="hint">${t("uploader.confirm_first")}</p>`;
  return html`
    <div class="start">
      <p class="total" aria-live="polite">${ready.length === 0 ? t("uploader.price_comes") : t("uploader.price", { price: amount(total, unit) })}</p>
      <button type="button" class="large" ?disabled=${ready.length === 0} @click=${start}>
        ${t("uploader.start", { count: Math.max(1, ready.length) })}
      </button>
    </div>
    ${ready.length > 1 ? html`<p class="hint">${t("uploader.ready", { count: ready.length, shown: count(ready.length) })}</p>` : nothing}`;
}
