// Every page has it: small, and nothing that a page without working parts could do without.
import "../features/example/before-after";
import "../features/buying/buy-button";
