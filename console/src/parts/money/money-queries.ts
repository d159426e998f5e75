import type { TypedDocument } from "runcomfy-graphql-client";

import type * as gql from "../../gql";

const SPENT = /* GraphQL */ `
  fragment Spent on Usage {
    jobs
    seconds
    exactUsd
    estimatedUsd
    unknownJobs
  }
`;

/** One's own and, with the scope `operate`, everybody's. */
export const SPENDING: TypedDocument<gql.SpendingQuery, gql.SpendingQueryVariables> =
  /* GraphQL */ `
    query Spending($from: DateTime!, $to: DateTime!) {
      days: usage(from: $from, to: $to, groupBy: [DAY]) {
        day
        ...Spent
      }
      owners: usage(from: $from, to: $to, groupBy: [OWNER]) {
        ownerId
        ...Spent
      }
      deployments: usage(from: $from, to: $to, groupBy: [DEPLOYMENT]) {
        deploymentId
        ...Spent
      }
    }
    ${SPENT}
  `;

export const BUDGETS: TypedDocument<gql.BudgetsQuery, gql.BudgetsQueryVariables> = /* GraphQL */ `
  query Budgets {
    viewer {
      budgets {
        name
        period
        limitUsd
        spentUsd
        reservedUsd
        leftUsd
        renewsAt
      }
    }
  }
`;

/** With the scope `operate`. */
export const BALANCE: TypedDocument<gql.BalanceQuery, gql.BalanceQueryVariables> = /* GraphQL */ `
  query Balance {
    balance {
      usd
      readAt
    }
  }
`;
