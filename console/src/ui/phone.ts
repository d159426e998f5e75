/** As the style sheets have it. */
const PHONE = matchMedia("(max-width: 760px)");

/** Whether the page is as narrow as a phone. */
export const phone = {
  get: () => PHONE.matches,
  subscribe(listener: () => void) {
    PHONE.addEventListener("change", listener);
    return () => PHONE.removeEventListener("change", listener);
  },
};
