// What the page tells its working parts: the attributes of <html> (data-root, data-site,
// data-language, data-visitor), the site's readable token cookie, and the words, which are JSON in
// <script type="application/json" id="texts">.

export type VisitorKind = "nobody" | "guest" | "user";

export interface Page {
  // "" or "/s/NAME": goes before every address of ours.
  readonly root: string;
  readonly site: string;
  readonly language: string;
  readonly visitor: VisitorKind;
}

const VISITORS: readonly string[] = ["guest", "user"] satisfies VisitorKind[];

function read(element: HTMLElement): Page {
  const { root = "", site = "", language = "en", visitor = "" } = element.dataset;
  const kind = VISITORS.includes(visitor) ? (visitor as VisitorKind) : "nobody";
  return { root, site, language, visitor: kind };
}

export const page: Page = read(document.documentElement);

// Addresses in answers of the API begin at the site's root or, from some servers, with it.
export const address = (path: string): string =>
  path.startsWith(`${page.root}/`) || !path.startsWith("/") ? path : page.root + path;

// The cookie changes with every sign-in, so it is read when it is needed.
export function csrfToken(): string {
  const name = `stemhouse_${page.site}_csrf=`;
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(name));
  return found === undefined ? "" : decodeURIComponent(found.slice(name.length));
}

export const go = (path: string): void => location.assign(address(path));
