const BODY_ROOM = 200_000;
/** Somewhat less than a document may have. */
const DOCUMENT_ROOM = 9_900;

/** A document that asks for more than it seems, and whether it must be refused. */
export type ExplodingDocument = {
  readonly name: string;
  readonly query: string;
  readonly variables?: string;
  readonly isServed?: boolean;
};

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

/** Documents that made servers of GraphQL hang, crash or answer without end. */
export const EXPLODING_DOCUMENTS: readonly ExplodingDocument[] = [
  {
    name: "fragments that double 30 times",
    query: `{ ...F0 } ${times(30, (at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`)} fragment F30 on Query { __typename }`,
  },
  {
    name: "fragments that double 30 times through fields",
    query: `{ ...F0 } ${times(30, (at) => `fragment F${at} on Query { a${at}: deployments { id } ...F${at + 1} ... on Query { ...F${at + 1} } }`)} fragment F30 on Query { __typename }`,
  },
  {
    name: "inline fragments that spread one large fragment 200 times",
    query: `{ ${times(200, () => "... on Query { ...F }")} } fragment F on Query { ${times(500, () => "__typename")} }`,
  },
  {
    name: "a fragment that spreads itself",
    query: "{ ...F } fragment F on Query { __typename ...F }",
  },
  {
    name: "two fragments that spread each other",
    query: "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
  },
  {
    name: "a circle of 250 fragments",
    query: `{ ...F0 } ${times(250, (at) => `fragment F${at} on Query { ...F${(at + 1) % 250} }`)}`,
  },
  {
    name: "circles that each fragment begins",
    query: `{ ...F0 } ${times(40, (at) => `fragment F${at} on Query { ${times(40, (to) => `...F${to}`)} }`)}`,
  },
  {
    name: "a circle through fields",
    query:
      "{ jobs { edges { node { ...F } } } } fragment F on Job { deployment { jobs { edges { node { ...F } } } } }",
  },
  { name: "a circle that nobody spreads", query: "{ __typename } fragment F on Query { ...F }" },
  {
    name: "500 aliases",
    query: `{ ${times(500, (at) => `a${at}: __typename`)} }`,
    isServed: true,
  },
  { name: "20,000 aliases", query: `{ ${times(20_000, (at) => `a${at}:x`)} }` },
  {
    name: "aliases in a fragment that is spread 30 times",
    query: `{ ${times(30, (at) => `a${at}: node(id: "d") { ...F }`)} } fragment F on Node { ${times(30, (at) => `b${at}: id`)} }`,
    isServed: true,
  },
  {
    name: "100 jobs of 100 jobs of 100 jobs",
    query: `{ jobs(first: 100) { edges { node { deployment { jobs(first: 100) { edges { node { deployment { jobs(first: 100) { edges { node { id } } } } } } } } } } } }`,
  },
  {
    name: "30 pages with everything",
    query: `{ ${times(30, (at) => `a${at}: jobs(first: 100) { totalCount edges { node { input output history { at } assets { url } } } }`)} }`,
  },
  {
    name: "30 pages whose size is a variable's default",
    query: `query ($size: Int = 100) { ${times(30, (at) => `a${at}: jobs(first: $size) { edges { node { input output history { at } } } }`)} }`,
  },
  { name: "5,000 levels of fields", query: deep(5_000, "{ node ", "{ id }", "}") },
  { name: "50,000 levels of fields", query: deep(50_000, "{a", "", "}") },
  { name: "50,000 levels of lists", query: submit(deep(50_000, "[", "", "]")) },
  { name: "50,000 levels of objects", query: submit(deep(50_000, "{a:", "1", "}")) },
  { name: "50,000 brackets that stay open", query: submit("[".repeat(50_000)) },
  {
    name: "50,000 levels of types",
    query: `query ($a: ${deep(50_000, "[", "Int", "]")}) { __typename }`,
  },
  { name: "50,000 levels of inline fragments", query: deep(12_000, "{...", "{id}", "}") },
  {
    name: "50,000 levels in variables",
    query:
      'mutation ($input: JSON!) { submitJob(deploymentId: "d", input: $input) { __typename ... on InvalidInputError { issues { path } } } }',
    variables: `{"input":{"a":${deep(50_000, "[", "", "]")}}}`,
    isServed: true,
  },
  {
    name: "35,000 levels of objects in variables",
    query:
      'mutation ($input: JSON!) { submitJob(deploymentId: "d", input: $input) { __typename ... on InvalidInputError { issues { path } } } }',
    variables: `{"input":${deep(35_000, '{"a":', "1", "}")}}`,
    isServed: true,
  },
  {
    name: "50,000 levels in variables of a check that tells its input",
    query: `query ($input: JSON!) { checkInput(deploymentId: "${DEPLOYMENT}", input: $input) { issues { path } input } }`,
    variables: `{"input":{"a":${deep(50_000, "[", "", "]")}}}`,
    isServed: true,
  },
  {
    name: "150 checks of one large input",
    query: `query ($d: ID!, $i: JSON!) { ${times(150, (at) => `a${at}: checkInput(deploymentId: $d, input: $i) { __typename }`)} }`,
    variables: `{"d":"${DEPLOYMENT}","i":{"prompt":"p","a":[${times(60_000, () => "1", ",")}]}}`,
    isServed: true,
  },
  {
    name: "checks of one large input that tell it 190 times",
    query: `query ($d: ID!, $i: JSON!) { ${times(190, (at) => `a${at}:checkInput(deploymentId:$d,input:$i){input}`)} }`,
    variables: `{"d":"${DEPLOYMENT}","i":{"prompt":"${"p".repeat(200_000)}"}}`,
  },
  {
    name: "60 mutations of 100 ids",
    query: `mutation ($ids: [ID!]!) { ${times(60, (at) => `a${at}: deleteJobs(ids: $ids) { __typename }`)} }`,
    variables: `{"ids":[${times(100, (at) => `"job_${at}"`, ",")}]}`,
  },
  {
    name: "20,000 ids",
    query: "mutation ($ids: [ID!]!) { deleteJobs(ids: $ids) { __typename } }",
    variables: `{"ids":[${times(20_000, (at) => `"${at}"`, ",")}]}`,
  },
  {
    name: "50,000 levels in changes",
    query: 'mutation ($changes: JSON!) { rerunJob(id: "job_x", changes: $changes) { __typename } }',
    variables: `{"changes":{"a":${deep(50_000, "[", "", "]")}}}`,
  },
  {
    name: "20,000 tags",
    query:
      'mutation ($tags: [String!]) { submitJob(deploymentId: "d", input: {}, tags: $tags) { ... on InvalidInputError { issues { message } } } }',
    variables: `{"tags":[${times(20_000, (at) => `"${at}"`, ",")}]}`,
    isServed: true,
  },
  {
    name: "50,000 levels in a filter",
    query: "query ($filter: JobFilter) { jobs(filter: $filter) { totalCount } }",
    variables: `{"filter":{"status":${deep(50_000, "[", "", "]")}}}`,
  },
  {
    name: "500 directives on a field",
    query: `{ __typename ${"@include(if: true)".repeat(500)} }`,
  },
  { name: "4,000 unknown directives", query: `{ __typename ${"@a".repeat(2_400)} }` },
  { name: "directives on an operation", query: `query ${"@a".repeat(2_400)} { __typename }` },
  {
    name: "directives in fragments that double",
    query: `{ ...F0 } ${times(12, (at) => `fragment F${at} on Query { ...F${at + 1} @skip(if: false) ...F${at + 1} @include(if: true) }`)} fragment F12 on Query { __typename @skip(if: false) }`,
  },
  {
    name: "2,400 fields that may conflict",
    query: job(times(2_400, () => "id")),
  },
  {
    name: "fields with arguments that may conflict",
    query: `{ ${times(300, (at) => `jobs(first: ${at}) { totalCount }`)} }`,
  },
  {
    name: "objects that are merged 200 times",
    query: `{ ${times(200, () => "jobs { edges { node { id deployment { id } } } }")} }`,
  },
  {
    name: "objects that are merged at each of 8 levels",
    query: `{ ${deep(8, "jobs { edges { node { deployment {", "id", "} } } }")} ${times(60, () => "jobs { edges { node { deployment { jobs { edges { node { id } } } } } } }")} }`,
  },
  {
    name: "fragments that are compared with each other",
    query: `{ ${times(150, (at) => `...F${at}`)} } ${times(150, (at) => `fragment F${at} on Query { deployments { id name } }`)}`,
  },
  {
    name: "an introspection of types of types",
    query: `{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }`,
  },
  {
    name: "introspections side by side",
    query: `{ ${times(25, (at) => `a${at}: __schema { types { name fields { name args { name } } } }`)} }`,
  },
  {
    name: "a type of types by name",
    query: `{ ${times(25, (at) => `a${at}: __type(name: "Job") { fields { type { fields { type { fields { name } } } } } }`)} }`,
  },
  {
    name: "a type of types by name, with a comma before its argument",
    query: `{ ${times(25, (at) => `a${at}: __type,(name: "Job") { fields { type { fields { type { fields { name } } } } } }`)} }`,
  },
  { name: "a name of 200 KB", query: `{ ${"a".repeat(BODY_ROOM)} }` },
  { name: "names that are nearly right", query: `{ ${times(600, (at) => `deploymenst${at}`)} }` },
  {
    name: "long names that are nearly right",
    query: `{ ${times(4, () => `deployment${"s".repeat(2_000)}`)} }`,
  },
  {
    name: "a number of 9,000 digits",
    query: `{ jobs(first: ${"9".repeat(9_000)}) { totalCount } }`,
  },
  {
    name: "a number with a huge exponent",
    query: `{ jobs(first: 1e${"9".repeat(9_000)}) { totalCount } }`,
  },
  {
    name: "a text of 9 KB",
    query: `{ job(id: "${"x".repeat(9_000)}") { id } }`,
    isServed: true,
  },
  {
    name: "a text of 200 KB",
    query: `{ job(id: "${"x".repeat(BODY_ROOM)}") { id } }`,
  },
  {
    name: "a text of escapes",
    query: `{ job(id: "${fill(String.raw`\u0041`)}") { id } }`,
    isServed: true,
  },
  {
    name: "a block text of 9,000 lines",
    query: `{ job(id: """${"\n".repeat(9_000)}""") { id } }`,
    isServed: true,
  },
  { name: "a text without end", query: `{ job(id: "${"x".repeat(1_000)}` },
  { name: "4,900 comments", query: `${"#\n".repeat(4_900)}{ __typename }`, isServed: true },
  { name: "9 KB of commas", query: `${fill(",")}{ __typename }`, isServed: true },
  { name: "350 operations", query: times(350, (at) => `query Q${at} { __typename }`) },
  {
    name: "750 variables",
    query: `query (${times(750, (at) => `$v${at}: Int`)}) { __typename }`,
  },
  { name: "1,000 arguments", query: `{ job(${times(1_000, (at) => `a${at}: 1`)}) { id } }` },
  { name: "one argument 1,500 times", query: `{ job(${times(1_500, () => "id: 1")}) { id } }` },
  {
    name: "an object with one field 1,500 times",
    query: submit(`{ ${times(1_500, () => "a: 1")} }`),
  },
  { name: "definitions of types", query: times(500, (at) => `type T${at} { a: Int }`) },
  { name: "nothing", query: "" },
  { name: "a NUL", query: "{ __typename \0 }" },
  { name: "lone surrogates", query: '{ job(id: "\ud800") { id } }' },
];
