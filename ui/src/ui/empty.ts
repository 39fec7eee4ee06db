// Where there is nothing to show: why, and what can be done instead.
import { html, type TemplateResult } from "lit";

export const emptyView = (
  why: string,
  way: { readonly path: string; readonly text: string },
): TemplateResult => html`
  <div class="empty">
    <p>${why}</p>
    <a class="button" href=${way.path}>${way.text}</a>
  </div>`;
