const BODY_ROOM = 200_000;
/** Somewhat less than a document may have. */
const DOCUMENT_ROOM = 9_900;

/** What it is called, a document, and its variables as JSON. */
export type ExplodingDocument = readonly [name: string, query: string, variables?: string];

/** One of those that the sandbox has. */
const DEPLOYMENT = "b82d5f70-91c6-4e3a-8f2d-05a7c39e1c02";
const job = (selection: string): string => `{ job(id: "job_x") { ${selection} } }`;
const times = (count: number, make: (index: number) => string, separator = " "): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(separator);
const deep = (count: number, open: string, middle: string, close: string): string =>
  open.repeat(count) + middle + close.repeat(count);
/** As much of it as a document holds. */
const fill = (text: string): string => text.repeat(Math.floor(DOCUMENT_ROOM / text.length));
const submit = (input: string): string =>
  `mutation { submitJob(deploymentId: "d", input: ${input}) { __typename } }`;

/** Documents that made servers of GraphQL hang, crash or answer without end. They must be refused. */
export const REFUSED_DOCUMENTS: readonly ExplodingDocument[] = [
  ...Object.entries({
    "fragments that double 30 times": `{ ...F0 } ${times(30, (at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`)} fragment F30 on Query { __typename }`,
    "fragments that double 30 times through fields": `{ ...F0 } ${times(30, (at) => `fragment F${at} on Query { a${at}: deployments { id } ...F${at + 1} ... on Query { ...F${at + 1} } }`)} fragment F30 on Query { __typename }`,
    "inline fragments that spread one large fragment 200 times": `{ ${times(200, () => "... on Query { ...F }")} } fragment F on Query { ${times(500, () => "__typename")} }`,
    "a fragment that spreads itself": "{ ...F } fragment F on Query { __typename ...F }",
    "a circle of 250 fragments": `{ ...F0 } ${times(250, (at) => `fragment F${at} on Query { ...F${(at + 1) % 250} }`)}`,
    "a circle through fields":
      "{ jobs { edges { node { ...F } } } } fragment F on Job { deployment { jobs { edges { node { ...F } } } } }",
    "an operation with the name of the fragment that it spreads": `query F0 { ...F0 } ${times(30, (at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`)} fragment F30 on Query { __typename }`,
    "a fragment that another one of its name hides": `{ ...F } fragment F on Query { ${"__typename ".repeat(800)} } fragment F on Query { __typename }`,
    "a fragment that spreads itself, behind another one of its name": `{ __typename } fragment F on Query { __typename } fragment F on Query { ...F ${"__typename ".repeat(800)} }`,
    "a circle that nobody spreads": "{ __typename } fragment F on Query { ...F }",
    "100 jobs of 100 jobs of 100 jobs": `{ jobs(first: 100) { edges { node { deployment { jobs(first: 100) { edges { node { deployment { jobs(first: 100) { edges { node { id } } } } } } } } } } } }`,
    "30 pages with everything": `{ ${times(30, (at) => `a${at}: jobs(first: 100) { totalCount edges { node { input output history { at } assets { url } } } }`)} }`,
    "5,000 levels of fields": deep(5_000, "{ node ", "{ id }", "}"),
    "50,000 levels of fields": deep(50_000, "{a", "", "}"),
    "50,000 levels of lists": submit(deep(50_000, "[", "", "]")),
    "50,000 brackets that stay open": submit("[".repeat(50_000)),
    "50,000 levels of types": `query ($a: ${deep(50_000, "[", "Int", "]")}) { __typename }`,
    "50,000 levels of inline fragments": deep(12_000, "{...", "{id}", "}"),
    "500 directives on a field": `{ __typename ${"@include(if: true)".repeat(500)} }`,
    "4,000 unknown directives": `{ __typename ${"@a".repeat(2_400)} }`,
    "directives in fragments that double": `{ ...F0 } ${times(12, (at) => `fragment F${at} on Query { ...F${at + 1} @skip(if: false) ...F${at + 1} @include(if: true) }`)} fragment F12 on Query { __typename @skip(if: false) }`,
    "2,400 fields that may conflict": job(times(2_400, () => "id")),
    "fields with arguments that may conflict": `{ ${times(300, (at) => `jobs(first: ${at}) { totalCount }`)} }`,
    "objects that are merged 200 times": `{ ${times(200, () => "jobs { edges { node { id deployment { id } } } }")} }`,
    "objects that are merged at each of 8 levels": `{ ${deep(8, "jobs { edges { node { deployment {", "id", "} } } }")} ${times(60, () => "jobs { edges { node { deployment { jobs { edges { node { id } } } } } } }")} }`,
    "fragments that are compared with each other": `{ ${times(150, (at) => `...F${at}`)} } ${times(150, (at) => `fragment F${at} on Query { deployments { id name } }`)}`,
    "an introspection of types of types": `{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }`,
    "introspections side by side": `{ ${times(25, (at) => `a${at}: __schema { types { name fields { name args { name } } } }`)} }`,
    "a type of types by name": `{ ${times(25, (at) => `a${at}: __type(name: "Job") { fields { type { fields { type { fields { name } } } } } }`)} }`,
    "a type of types by name, with a comma before its argument": `{ ${times(25, (at) => `a${at}: __type,(name: "Job") { fields { type { fields { type { fields { name } } } } } }`)} }`,
    "a name of 200 KB": `{ ${"a".repeat(BODY_ROOM)} }`,
    "names that are nearly right": `{ ${times(600, (at) => `deploymenst${at}`)} }`,
    "a number of 9,000 digits": `{ jobs(first: ${"9".repeat(9_000)}) { totalCount } }`,
    "a text of 200 KB": `{ job(id: "${"x".repeat(BODY_ROOM)}") { id } }`,
    "a text without end": `{ job(id: "${"x".repeat(1_000)}`,
    "350 operations": times(350, (at) => `query Q${at} { __typename }`),
    "750 variables": `query (${times(750, (at) => `$v${at}: Int`)}) { __typename }`,
    "1,000 arguments": `{ job(${times(1_000, (at) => `a${at}: 1`)}) { id } }`,
    "one argument 1,500 times": `{ job(${times(1_500, () => "id: 1")}) { id } }`,
    "an object with one field 1,500 times": submit(`{ ${times(1_500, () => "a: 1")} }`),
    "definitions of types": times(500, (at) => `type T${at} { a: Int }`),
    nothing: "",
    "a NUL": "{ __typename \0 }",
    "lone surrogates": '{ job(id: "\ud800") { id } }',
  }),
  [
    "50,000 levels in variables",
    "query ($input: JSON!) { __typename }",
    `{"input":${deep(50_000, "[", "", "]")}}`,
  ],
  [
    "checks of one large input that return it 190 times",
    `query ($d: ID!, $i: JSON!) { ${times(190, (at) => `a${at}:checkInput(deploymentId:$d,input:$i){input}`)} }`,
    `{"d":"${DEPLOYMENT}","i":{"prompt":"${"p".repeat(200_000)}"}}`,
  ],
  [
    "60 mutations of 100 ids",
    `mutation ($ids: [ID!]!) { ${times(60, (at) => `a${at}: deleteJobs(ids: $ids) { __typename }`)} }`,
    `{"ids":[${times(100, (at) => `"job_${at}"`, ",")}]}`,
  ],
  [
    "60 mutations of 100 items",
    `mutation ($items: [SubmitJobItem!]!) { ${times(60, (at) => `a${at}: submitJobs(items: $items) { __typename }`)} }`,
    `{"items":[${times(100, () => '{"deploymentId":"d","input":{}}', ",")}]}`,
  ],
  [
    "5,000 items",
    "mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) { __typename } }",
    `{"items":[${times(5_000, () => '{"deploymentId":"d","input":{}}', ",")}]}`,
  ],
  [
    "10 mutations of matching jobs",
    `mutation { ${times(10, (at) => `a${at}: deleteMatchingJobs(filter: { tag: "t" }, createdBefore: "2026-01-01T00:00:00Z") { done }`)} }`,
  ],
  [
    "20,000 ids",
    "mutation ($ids: [ID!]!) { deleteJobs(ids: $ids) { __typename } }",
    `{"ids":[${times(20_000, (at) => `"${at}"`, ",")}]}`,
  ],
  [
    "50,000 levels in changes",
    'mutation ($changes: JSON!) { rerunJob(id: "job_x", changes: $changes) { __typename } }',
    `{"changes":{"a":${deep(77, "[", "", "]")}}}`,
  ],
  [
    "50,000 levels in a filter",
    "query ($filter: JobFilter) { jobs(filter: $filter) { totalCount } }",
    `{"filter":{"status":${deep(77, "[", "", "]")}}}`,
  ],
];

/** Those that ask for no more than a gateway may give. */
export const SERVED_DOCUMENTS: readonly ExplodingDocument[] = [
  ...Object.entries({
    "500 aliases": `{ ${times(500, (at) => `a${at}: __typename`)} }`,
    "aliases in a fragment that is spread 30 times": `{ ${times(30, (at) => `a${at}: node(id: "d") { ...F }`)} } fragment F on Node { ${times(30, (at) => `b${at}: id`)} }`,
    "a text of 9 KB": `{ job(id: "${"x".repeat(9_000)}") { id } }`,
    "a text of escapes": `{ job(id: "${fill(String.raw`\u0041`)}") { id } }`,
    "a block text of 9,000 lines": `{ job(id: """${"\n".repeat(9_000)}""") { id } }`,
    "4,900 comments": `${"#\n".repeat(4_900)}{ __typename }`,
    "9 KB of commas": `${fill(",")}{ __typename }`,
  }),
  [
    "77 levels in variables",
    'mutation ($input: JSON!) { submitJob(deploymentId: "d", input: $input) { __typename ... on InvalidInputError { issues { path } } } }',
    `{"input":{"a":${deep(77, "[", "", "]")}}}`,
  ],
  [
    "77 levels in variables of a check that returns its input",
    `query ($input: JSON!) { checkInput(deploymentId: "${DEPLOYMENT}", input: $input) { issues { path } input } }`,
    `{"input":{"a":${deep(77, "[", "", "]")}}}`,
  ],
  [
    "30 checks of one large input",
    `query ($d: ID!, $i: JSON!) { ${times(30, (at) => `a${at}: checkInput(deploymentId: $d, input: $i) { __typename }`)} }`,
    `{"d":"${DEPLOYMENT}","i":{"prompt":"p","a":[${times(20_000, () => "1", ",")}]}}`,
  ],
  [
    "20,000 tags",
    'mutation ($tags: [String!]) { submitJob(deploymentId: "d", input: {}, tags: $tags) { ... on InvalidInputError { issues { message } } } }',
    `{"tags":[${times(20_000, (at) => `"${at}"`, ",")}]}`,
  ],
];
