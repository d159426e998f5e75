/** A ref that gives the focus to what has come: `autofocus` does so for the first of a page alone. */
export const focus = (element: HTMLElement | null): void => element?.focus();
