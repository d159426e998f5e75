/** The names of the shapes, other than the usual ones, that an answer is to have. */
export type Shapes = ReadonlySet<string>;

/** How an output names its files. Models differ in it, and nothing says which of them does how. */
const OUTPUTS = {
  images: (urls) => ({ images: urls }),
  videos: (urls) => ({ videos: urls }),
  audios: (urls) => ({ audios: urls }),
  image: ([url]) => ({ image: url }),
  video: ([url]) => ({ video: url }),
  string: ([url]) => url,
  list: (urls) => urls,
  objects: (urls) => ({ images: urls.map((url) => ({ url, content_type: null })) }),
  nested: ([first, ...others]) => ({
    result: { main: { url: first }, shots: others.map((url, shot) => ({ shot, still: { url } })) },
  }),
  // A file that is named twice is one file.
  mixed: (urls) => ({ video: urls[0], images: urls, text: "Made by the sandbox." }),
  words: () => "No file was made, as the sandbox was asked for words.",
  empty: () => ({}),
} as const satisfies Record<string, (urls: readonly string[]) => unknown>;

export type OutputShape = keyof typeof OUTPUTS;

/** The output of the files at these URLs, in the usual shape of what made them, or in the one that a fault asks for. */
export function shapeOutput(usual: OutputShape, urls: readonly string[], shapes: Shapes): unknown {
  const shape = OUTPUT_SHAPES.find((one) => shapes.has(`output-${one}`)) ?? usual;
  return OUTPUTS[shape](urls);
}

/** Those that a fault can ask for. */
export const OUTPUT_SHAPES = [
  "string",
  "list",
  "objects",
  "nested",
  "mixed",
  "words",
  "empty",
] as const satisfies readonly OutputShape[];
