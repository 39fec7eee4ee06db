// Where somebody goes who has signed in: where they came from on this site, or to their songs.
import { page, pageAddress } from "../../ui/page";

export function goOn(): void {
  const wanted = new URLSearchParams(location.search).get("next") ?? "";
  const target = new URL(wanted === "" ? pageAddress("/library") : wanted, location.href);
  // Never to another site, whoever wrote the link.
  const ours = target.origin === location.origin && target.pathname.startsWith(`${page.root}/`);
  location.assign(ours ? target.href : pageAddress("/library"));
}
