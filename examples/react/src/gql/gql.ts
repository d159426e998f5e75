/* eslint-disable */
import * as types from './graphql';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  mutation Submit($input: WarmGlowInput!, $key: String!) {\n    submitWarmGlow(input: $input, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          id\n        }\n        warnings {\n          path\n          message\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": typeof types.SubmitDocument,
    "\n  subscription Watch($id: ID!) {\n    jobUpdated(id: $id) {\n      status\n      queuePosition\n      estimate {\n        finishesAt\n        progress\n      }\n      isCancellable\n      error {\n        message\n      }\n      typedOutput {\n        __typename\n        ... on WarmGlowOutput {\n          images\n        }\n      }\n    }\n  }\n": typeof types.WatchDocument,
};
const documents: Documents = {
    "\n  mutation Submit($input: WarmGlowInput!, $key: String!) {\n    submitWarmGlow(input: $input, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          id\n        }\n        warnings {\n          path\n          message\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": types.SubmitDocument,
    "\n  subscription Watch($id: ID!) {\n    jobUpdated(id: $id) {\n      status\n      queuePosition\n      estimate {\n        finishesAt\n        progress\n      }\n      isCancellable\n      error {\n        message\n      }\n      typedOutput {\n        __typename\n        ... on WarmGlowOutput {\n          images\n        }\n      }\n    }\n  }\n": types.WatchDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Submit($input: WarmGlowInput!, $key: String!) {\n    submitWarmGlow(input: $input, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          id\n        }\n        warnings {\n          path\n          message\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"): typeof import('./graphql').SubmitDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Watch($id: ID!) {\n    jobUpdated(id: $id) {\n      status\n      queuePosition\n      estimate {\n        finishesAt\n        progress\n      }\n      isCancellable\n      error {\n        message\n      }\n      typedOutput {\n        __typename\n        ... on WarmGlowOutput {\n          images\n        }\n      }\n    }\n  }\n"): typeof import('./graphql').WatchDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
