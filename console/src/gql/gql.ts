/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

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
    "\n  query DeploymentLive($id: ID!) {\n    deployment(id: $id) {\n      id\n      live {\n        hardware\n        minInstances\n        maxInstances\n        queueSize\n        keepWarmSeconds\n        isEnabled\n        status\n      }\n    }\n  }\n": typeof types.DeploymentLiveDocument,
    "\n  query DeploymentRuns($id: ID!, $filter: JobFilter!) {\n    deployment(id: $id) {\n      id\n      stats {\n        ...Stats\n      }\n    }\n    jobs(filter: $filter, first: 100) {\n      edges {\n        node {\n          id\n          status\n          createdAt\n          queueSeconds\n          runSeconds\n        }\n      }\n    }\n  }\n": typeof types.DeploymentRunsDocument,
    "\n  mutation Run($deploymentId: ID!, $input: JSON!, $key: String!) {\n    submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          ...JobRow\n        }\n        warnings {\n          path\n          message\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n        retryAfterSeconds\n        unconfirmedJob {\n          ...JobRow\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": typeof types.RunDocument,
    "\n  query CheckInput($deploymentId: ID!, $input: JSON!) {\n    checkInput(deploymentId: $deploymentId, input: $input) {\n      issues {\n        path\n        message\n      }\n      warnings {\n        path\n        message\n      }\n    }\n  }\n": typeof types.CheckInputDocument,
    "\n  query GalleryAround($newer: JobFilter!, $older: JobFilter!, $length: Int!) {\n    newer: jobs(filter: $newer, last: $length) {\n      edges {\n        node {\n          ...JobRow\n        }\n      }\n    }\n    older: jobs(filter: $older, first: $length) {\n      edges {\n        node {\n          ...JobRow\n        }\n      }\n    }\n  }\n": typeof types.GalleryAroundDocument,
    "\n  query JobInputSchema($deploymentId: ID!) {\n    deployment(id: $deploymentId) {\n      id\n      inputSchema\n    }\n  }\n": typeof types.JobInputSchemaDocument,
    "\n  mutation CancelMany($ids: [ID!]!) {\n    cancelJobs(ids: $ids) {\n      __typename\n      ... on CancelJobSuccess {\n        job {\n          id\n          version\n          status\n          queuePosition\n          isCancellable\n          isFinished\n          isPaused\n          finishedAt\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": typeof types.CancelManyDocument,
    "\n  mutation DeleteMany($ids: [ID!]!) {\n    deleteJobs(ids: $ids) {\n      __typename\n      ... on Error {\n        message\n      }\n    }\n  }\n": typeof types.DeleteManyDocument,
    "\n  mutation RunAgain($id: ID!, $key: String!) {\n    rerunJob(id: $id, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          id\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": typeof types.RunAgainDocument,
    "\n  mutation CancelMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {\n    progress: cancelMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {\n      done\n      failed\n      hasMore\n      cursor\n    }\n  }\n": typeof types.CancelMatchingDocument,
    "\n  mutation DeleteMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {\n    progress: deleteMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {\n      done\n      failed\n      hasMore\n      cursor\n    }\n  }\n": typeof types.DeleteMatchingDocument,
    "\n  fragment JobRow on Job {\n    id\n    ownerId\n    version\n    status\n    tags\n    queuePosition\n    isCancellable\n    isFinished\n    isPaused\n    createdAt\n    startedAt\n    finishedAt\n    queueSeconds\n    runSeconds\n    input\n    error {\n      code\n      message\n      retryable\n    }\n    deployment {\n      id\n      name\n    }\n    assets {\n      url\n      kind\n      keep\n      keptUrl\n      thumbnailUrl(width: 320)\n      width\n      height\n    }\n  }\n": typeof types.JobRowFragmentDoc,
    "\n  subscription Live($after: String!) {\n    jobsUpdated(after: $after) {\n      cursor\n      job {\n        ...JobRow\n      }\n    }\n  }\n": typeof types.LiveDocument,
    "\n  subscription Watch($id: ID!) {\n    jobUpdated(id: $id) {\n      ...JobRow\n      estimate {\n        startsAt\n        finishesAt\n        progress\n        isColdStart\n      }\n    }\n  }\n": typeof types.WatchDocument,
    "\n  query Jobs($filter: JobFilter, $first: Int!, $after: String) {\n    jobs(filter: $filter, first: $first, after: $after) {\n      totalCount\n      searchedTo\n      edges {\n        cursor\n        node {\n          ...JobRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.JobsDocument,
    "\n  query ListedJob($id: ID!) {\n    job(id: $id) {\n      ...JobRow\n    }\n  }\n": typeof types.ListedJobDocument,
    "\n  query Job($id: ID!) {\n    job(id: $id) {\n      ...JobRow\n      kind\n      cost {\n        amount\n      }\n      requestId\n      updatedAt\n      output\n      history {\n        status\n        at\n      }\n      assets {\n        path\n        expiresAt\n        keepError\n        contentType\n        bytes\n      }\n    }\n  }\n": typeof types.JobDocument,
    "\n  fragment Stats on DeploymentStats {\n    runs\n    succeeded\n    failed\n    cancelled\n    queueSeconds {\n      p50\n      p90\n    }\n    runSeconds {\n      p50\n      p90\n    }\n    coldStartSeconds {\n      p50\n      p90\n    }\n  }\n": typeof types.StatsFragmentDoc,
    "\n  query Deployments {\n    isTokenRefused\n    deployments {\n      id\n      kind\n      name\n      description\n      model\n      price {\n        amount\n        unit\n        note\n      }\n      inputSchema\n      stats {\n        ...Stats\n      }\n    }\n  }\n": typeof types.DeploymentsDocument,
    "\n  query DeploymentNames {\n    deployments {\n      id\n      name\n    }\n  }\n": typeof types.DeploymentNamesDocument,
    "\n  query Viewer {\n    viewer {\n      id\n      scopes\n    }\n  }\n": typeof types.ViewerDocument,
    "\n  query Outages {\n    isTokenRefused\n    outage {\n      since\n    }\n    deployments {\n      id\n      name\n      outage {\n        since\n      }\n    }\n  }\n": typeof types.OutagesDocument,
    "\n  mutation Keep($id: ID!) {\n    keepOutputs(jobId: $id) {\n      __typename\n      ... on KeepOutputsSuccess {\n        job {\n          ...JobRow\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": typeof types.KeepDocument,
    "\n  fragment WebhookFacts on Webhook {\n    id\n    url\n    events\n    deploymentId\n    tag\n    failingSince\n    disabledAt\n    disabledReason\n  }\n": typeof types.WebhookFactsFragmentDoc,
    "\n  fragment Refusal on Error {\n    message\n    ... on InvalidWebhookError {\n      issues {\n        path\n        message\n      }\n    }\n  }\n": typeof types.RefusalFragmentDoc,
    "\n  query Webhooks {\n    webhooks {\n      ...WebhookFacts\n    }\n  }\n": typeof types.WebhooksDocument,
    "\n  query Deliveries($id: ID!, $first: Int!, $after: ID) {\n    webhook(id: $id) {\n      ...WebhookFacts\n      deliveries(first: $first, after: $after) {\n        id\n        event\n        jobId\n        state\n        createdAt\n        nextTryAt\n        tries {\n          at\n          status\n          failure\n          durationMs\n        }\n      }\n    }\n  }\n": typeof types.DeliveriesDocument,
    "\n  mutation CreateWebhook($url: URL!, $events: [WebhookEvent!], $filter: WebhookFilter) {\n    result: createWebhook(url: $url, events: $events, filter: $filter) {\n      __typename\n      ... on CreateWebhookSuccess {\n        secret\n        webhook {\n          id\n        }\n      }\n      ...Refusal\n    }\n  }\n": typeof types.CreateWebhookDocument,
    "\n  mutation UpdateWebhook(\n    $id: ID!\n    $url: URL\n    $events: [WebhookEvent!]\n    $filter: WebhookFilter\n    $isEnabled: Boolean\n  ) {\n    result: updateWebhook(\n      id: $id\n      url: $url\n      events: $events\n      filter: $filter\n      isEnabled: $isEnabled\n    ) {\n      __typename\n      ... on UpdateWebhookSuccess {\n        webhook {\n          ...WebhookFacts\n        }\n      }\n      ...Refusal\n    }\n  }\n": typeof types.UpdateWebhookDocument,
    "\n  mutation DeleteWebhook($id: ID!) {\n    result: deleteWebhook(id: $id) {\n      __typename\n      ...Refusal\n    }\n  }\n": typeof types.DeleteWebhookDocument,
    "\n  mutation RotateSecret($id: ID!) {\n    result: rotateWebhookSecret(id: $id) {\n      __typename\n      ... on RotateWebhookSecretSuccess {\n        secret\n      }\n      ...Refusal\n    }\n  }\n": typeof types.RotateSecretDocument,
    "\n  mutation SendAgain($id: ID!) {\n    result: redeliver(deliveryId: $id) {\n      __typename\n      ... on RedeliverSuccess {\n        delivery {\n          id\n          state\n          nextTryAt\n        }\n      }\n      ...Refusal\n    }\n  }\n": typeof types.SendAgainDocument,
};
const documents: Documents = {
    "\n  query DeploymentLive($id: ID!) {\n    deployment(id: $id) {\n      id\n      live {\n        hardware\n        minInstances\n        maxInstances\n        queueSize\n        keepWarmSeconds\n        isEnabled\n        status\n      }\n    }\n  }\n": types.DeploymentLiveDocument,
    "\n  query DeploymentRuns($id: ID!, $filter: JobFilter!) {\n    deployment(id: $id) {\n      id\n      stats {\n        ...Stats\n      }\n    }\n    jobs(filter: $filter, first: 100) {\n      edges {\n        node {\n          id\n          status\n          createdAt\n          queueSeconds\n          runSeconds\n        }\n      }\n    }\n  }\n": types.DeploymentRunsDocument,
    "\n  mutation Run($deploymentId: ID!, $input: JSON!, $key: String!) {\n    submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          ...JobRow\n        }\n        warnings {\n          path\n          message\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n        retryAfterSeconds\n        unconfirmedJob {\n          ...JobRow\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": types.RunDocument,
    "\n  query CheckInput($deploymentId: ID!, $input: JSON!) {\n    checkInput(deploymentId: $deploymentId, input: $input) {\n      issues {\n        path\n        message\n      }\n      warnings {\n        path\n        message\n      }\n    }\n  }\n": types.CheckInputDocument,
    "\n  query GalleryAround($newer: JobFilter!, $older: JobFilter!, $length: Int!) {\n    newer: jobs(filter: $newer, last: $length) {\n      edges {\n        node {\n          ...JobRow\n        }\n      }\n    }\n    older: jobs(filter: $older, first: $length) {\n      edges {\n        node {\n          ...JobRow\n        }\n      }\n    }\n  }\n": types.GalleryAroundDocument,
    "\n  query JobInputSchema($deploymentId: ID!) {\n    deployment(id: $deploymentId) {\n      id\n      inputSchema\n    }\n  }\n": types.JobInputSchemaDocument,
    "\n  mutation CancelMany($ids: [ID!]!) {\n    cancelJobs(ids: $ids) {\n      __typename\n      ... on CancelJobSuccess {\n        job {\n          id\n          version\n          status\n          queuePosition\n          isCancellable\n          isFinished\n          isPaused\n          finishedAt\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": types.CancelManyDocument,
    "\n  mutation DeleteMany($ids: [ID!]!) {\n    deleteJobs(ids: $ids) {\n      __typename\n      ... on Error {\n        message\n      }\n    }\n  }\n": types.DeleteManyDocument,
    "\n  mutation RunAgain($id: ID!, $key: String!) {\n    rerunJob(id: $id, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          id\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": types.RunAgainDocument,
    "\n  mutation CancelMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {\n    progress: cancelMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {\n      done\n      failed\n      hasMore\n      cursor\n    }\n  }\n": types.CancelMatchingDocument,
    "\n  mutation DeleteMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {\n    progress: deleteMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {\n      done\n      failed\n      hasMore\n      cursor\n    }\n  }\n": types.DeleteMatchingDocument,
    "\n  fragment JobRow on Job {\n    id\n    ownerId\n    version\n    status\n    tags\n    queuePosition\n    isCancellable\n    isFinished\n    isPaused\n    createdAt\n    startedAt\n    finishedAt\n    queueSeconds\n    runSeconds\n    input\n    error {\n      code\n      message\n      retryable\n    }\n    deployment {\n      id\n      name\n    }\n    assets {\n      url\n      kind\n      keep\n      keptUrl\n      thumbnailUrl(width: 320)\n      width\n      height\n    }\n  }\n": types.JobRowFragmentDoc,
    "\n  subscription Live($after: String!) {\n    jobsUpdated(after: $after) {\n      cursor\n      job {\n        ...JobRow\n      }\n    }\n  }\n": types.LiveDocument,
    "\n  subscription Watch($id: ID!) {\n    jobUpdated(id: $id) {\n      ...JobRow\n      estimate {\n        startsAt\n        finishesAt\n        progress\n        isColdStart\n      }\n    }\n  }\n": types.WatchDocument,
    "\n  query Jobs($filter: JobFilter, $first: Int!, $after: String) {\n    jobs(filter: $filter, first: $first, after: $after) {\n      totalCount\n      searchedTo\n      edges {\n        cursor\n        node {\n          ...JobRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.JobsDocument,
    "\n  query ListedJob($id: ID!) {\n    job(id: $id) {\n      ...JobRow\n    }\n  }\n": types.ListedJobDocument,
    "\n  query Job($id: ID!) {\n    job(id: $id) {\n      ...JobRow\n      kind\n      cost {\n        amount\n      }\n      requestId\n      updatedAt\n      output\n      history {\n        status\n        at\n      }\n      assets {\n        path\n        expiresAt\n        keepError\n        contentType\n        bytes\n      }\n    }\n  }\n": types.JobDocument,
    "\n  fragment Stats on DeploymentStats {\n    runs\n    succeeded\n    failed\n    cancelled\n    queueSeconds {\n      p50\n      p90\n    }\n    runSeconds {\n      p50\n      p90\n    }\n    coldStartSeconds {\n      p50\n      p90\n    }\n  }\n": types.StatsFragmentDoc,
    "\n  query Deployments {\n    isTokenRefused\n    deployments {\n      id\n      kind\n      name\n      description\n      model\n      price {\n        amount\n        unit\n        note\n      }\n      inputSchema\n      stats {\n        ...Stats\n      }\n    }\n  }\n": types.DeploymentsDocument,
    "\n  query DeploymentNames {\n    deployments {\n      id\n      name\n    }\n  }\n": types.DeploymentNamesDocument,
    "\n  query Viewer {\n    viewer {\n      id\n      scopes\n    }\n  }\n": types.ViewerDocument,
    "\n  query Outages {\n    isTokenRefused\n    outage {\n      since\n    }\n    deployments {\n      id\n      name\n      outage {\n        since\n      }\n    }\n  }\n": types.OutagesDocument,
    "\n  mutation Keep($id: ID!) {\n    keepOutputs(jobId: $id) {\n      __typename\n      ... on KeepOutputsSuccess {\n        job {\n          ...JobRow\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n": types.KeepDocument,
    "\n  fragment WebhookFacts on Webhook {\n    id\n    url\n    events\n    deploymentId\n    tag\n    failingSince\n    disabledAt\n    disabledReason\n  }\n": types.WebhookFactsFragmentDoc,
    "\n  fragment Refusal on Error {\n    message\n    ... on InvalidWebhookError {\n      issues {\n        path\n        message\n      }\n    }\n  }\n": types.RefusalFragmentDoc,
    "\n  query Webhooks {\n    webhooks {\n      ...WebhookFacts\n    }\n  }\n": types.WebhooksDocument,
    "\n  query Deliveries($id: ID!, $first: Int!, $after: ID) {\n    webhook(id: $id) {\n      ...WebhookFacts\n      deliveries(first: $first, after: $after) {\n        id\n        event\n        jobId\n        state\n        createdAt\n        nextTryAt\n        tries {\n          at\n          status\n          failure\n          durationMs\n        }\n      }\n    }\n  }\n": types.DeliveriesDocument,
    "\n  mutation CreateWebhook($url: URL!, $events: [WebhookEvent!], $filter: WebhookFilter) {\n    result: createWebhook(url: $url, events: $events, filter: $filter) {\n      __typename\n      ... on CreateWebhookSuccess {\n        secret\n        webhook {\n          id\n        }\n      }\n      ...Refusal\n    }\n  }\n": types.CreateWebhookDocument,
    "\n  mutation UpdateWebhook(\n    $id: ID!\n    $url: URL\n    $events: [WebhookEvent!]\n    $filter: WebhookFilter\n    $isEnabled: Boolean\n  ) {\n    result: updateWebhook(\n      id: $id\n      url: $url\n      events: $events\n      filter: $filter\n      isEnabled: $isEnabled\n    ) {\n      __typename\n      ... on UpdateWebhookSuccess {\n        webhook {\n          ...WebhookFacts\n        }\n      }\n      ...Refusal\n    }\n  }\n": types.UpdateWebhookDocument,
    "\n  mutation DeleteWebhook($id: ID!) {\n    result: deleteWebhook(id: $id) {\n      __typename\n      ...Refusal\n    }\n  }\n": types.DeleteWebhookDocument,
    "\n  mutation RotateSecret($id: ID!) {\n    result: rotateWebhookSecret(id: $id) {\n      __typename\n      ... on RotateWebhookSecretSuccess {\n        secret\n      }\n      ...Refusal\n    }\n  }\n": types.RotateSecretDocument,
    "\n  mutation SendAgain($id: ID!) {\n    result: redeliver(deliveryId: $id) {\n      __typename\n      ... on RedeliverSuccess {\n        delivery {\n          id\n          state\n          nextTryAt\n        }\n      }\n      ...Refusal\n    }\n  }\n": types.SendAgainDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DeploymentLive($id: ID!) {\n    deployment(id: $id) {\n      id\n      live {\n        hardware\n        minInstances\n        maxInstances\n        queueSize\n        keepWarmSeconds\n        isEnabled\n        status\n      }\n    }\n  }\n"): (typeof documents)["\n  query DeploymentLive($id: ID!) {\n    deployment(id: $id) {\n      id\n      live {\n        hardware\n        minInstances\n        maxInstances\n        queueSize\n        keepWarmSeconds\n        isEnabled\n        status\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DeploymentRuns($id: ID!, $filter: JobFilter!) {\n    deployment(id: $id) {\n      id\n      stats {\n        ...Stats\n      }\n    }\n    jobs(filter: $filter, first: 100) {\n      edges {\n        node {\n          id\n          status\n          createdAt\n          queueSeconds\n          runSeconds\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query DeploymentRuns($id: ID!, $filter: JobFilter!) {\n    deployment(id: $id) {\n      id\n      stats {\n        ...Stats\n      }\n    }\n    jobs(filter: $filter, first: 100) {\n      edges {\n        node {\n          id\n          status\n          createdAt\n          queueSeconds\n          runSeconds\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Run($deploymentId: ID!, $input: JSON!, $key: String!) {\n    submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          ...JobRow\n        }\n        warnings {\n          path\n          message\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n        retryAfterSeconds\n        unconfirmedJob {\n          ...JobRow\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation Run($deploymentId: ID!, $input: JSON!, $key: String!) {\n    submitJob(deploymentId: $deploymentId, input: $input, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          ...JobRow\n        }\n        warnings {\n          path\n          message\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n        retryAfterSeconds\n        unconfirmedJob {\n          ...JobRow\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query CheckInput($deploymentId: ID!, $input: JSON!) {\n    checkInput(deploymentId: $deploymentId, input: $input) {\n      issues {\n        path\n        message\n      }\n      warnings {\n        path\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  query CheckInput($deploymentId: ID!, $input: JSON!) {\n    checkInput(deploymentId: $deploymentId, input: $input) {\n      issues {\n        path\n        message\n      }\n      warnings {\n        path\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query GalleryAround($newer: JobFilter!, $older: JobFilter!, $length: Int!) {\n    newer: jobs(filter: $newer, last: $length) {\n      edges {\n        node {\n          ...JobRow\n        }\n      }\n    }\n    older: jobs(filter: $older, first: $length) {\n      edges {\n        node {\n          ...JobRow\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query GalleryAround($newer: JobFilter!, $older: JobFilter!, $length: Int!) {\n    newer: jobs(filter: $newer, last: $length) {\n      edges {\n        node {\n          ...JobRow\n        }\n      }\n    }\n    older: jobs(filter: $older, first: $length) {\n      edges {\n        node {\n          ...JobRow\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query JobInputSchema($deploymentId: ID!) {\n    deployment(id: $deploymentId) {\n      id\n      inputSchema\n    }\n  }\n"): (typeof documents)["\n  query JobInputSchema($deploymentId: ID!) {\n    deployment(id: $deploymentId) {\n      id\n      inputSchema\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CancelMany($ids: [ID!]!) {\n    cancelJobs(ids: $ids) {\n      __typename\n      ... on CancelJobSuccess {\n        job {\n          id\n          version\n          status\n          queuePosition\n          isCancellable\n          isFinished\n          isPaused\n          finishedAt\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation CancelMany($ids: [ID!]!) {\n    cancelJobs(ids: $ids) {\n      __typename\n      ... on CancelJobSuccess {\n        job {\n          id\n          version\n          status\n          queuePosition\n          isCancellable\n          isFinished\n          isPaused\n          finishedAt\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteMany($ids: [ID!]!) {\n    deleteJobs(ids: $ids) {\n      __typename\n      ... on Error {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation DeleteMany($ids: [ID!]!) {\n    deleteJobs(ids: $ids) {\n      __typename\n      ... on Error {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RunAgain($id: ID!, $key: String!) {\n    rerunJob(id: $id, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          id\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation RunAgain($id: ID!, $key: String!) {\n    rerunJob(id: $id, idempotencyKey: $key) {\n      __typename\n      ... on SubmitJobSuccess {\n        job {\n          id\n        }\n      }\n      ... on InvalidInputError {\n        issues {\n          path\n          message\n        }\n      }\n      ... on UpstreamError {\n        retryable\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CancelMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {\n    progress: cancelMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {\n      done\n      failed\n      hasMore\n      cursor\n    }\n  }\n"): (typeof documents)["\n  mutation CancelMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {\n    progress: cancelMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {\n      done\n      failed\n      hasMore\n      cursor\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {\n    progress: deleteMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {\n      done\n      failed\n      hasMore\n      cursor\n    }\n  }\n"): (typeof documents)["\n  mutation DeleteMatching($filter: JobFilter!, $createdBefore: DateTime!, $after: String) {\n    progress: deleteMatchingJobs(filter: $filter, createdBefore: $createdBefore, after: $after) {\n      done\n      failed\n      hasMore\n      cursor\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment JobRow on Job {\n    id\n    ownerId\n    version\n    status\n    tags\n    queuePosition\n    isCancellable\n    isFinished\n    isPaused\n    createdAt\n    startedAt\n    finishedAt\n    queueSeconds\n    runSeconds\n    input\n    error {\n      code\n      message\n      retryable\n    }\n    deployment {\n      id\n      name\n    }\n    assets {\n      url\n      kind\n      keep\n      keptUrl\n      thumbnailUrl(width: 320)\n      width\n      height\n    }\n  }\n"): (typeof documents)["\n  fragment JobRow on Job {\n    id\n    ownerId\n    version\n    status\n    tags\n    queuePosition\n    isCancellable\n    isFinished\n    isPaused\n    createdAt\n    startedAt\n    finishedAt\n    queueSeconds\n    runSeconds\n    input\n    error {\n      code\n      message\n      retryable\n    }\n    deployment {\n      id\n      name\n    }\n    assets {\n      url\n      kind\n      keep\n      keptUrl\n      thumbnailUrl(width: 320)\n      width\n      height\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Live($after: String!) {\n    jobsUpdated(after: $after) {\n      cursor\n      job {\n        ...JobRow\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription Live($after: String!) {\n    jobsUpdated(after: $after) {\n      cursor\n      job {\n        ...JobRow\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription Watch($id: ID!) {\n    jobUpdated(id: $id) {\n      ...JobRow\n      estimate {\n        startsAt\n        finishesAt\n        progress\n        isColdStart\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription Watch($id: ID!) {\n    jobUpdated(id: $id) {\n      ...JobRow\n      estimate {\n        startsAt\n        finishesAt\n        progress\n        isColdStart\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Jobs($filter: JobFilter, $first: Int!, $after: String) {\n    jobs(filter: $filter, first: $first, after: $after) {\n      totalCount\n      searchedTo\n      edges {\n        cursor\n        node {\n          ...JobRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query Jobs($filter: JobFilter, $first: Int!, $after: String) {\n    jobs(filter: $filter, first: $first, after: $after) {\n      totalCount\n      searchedTo\n      edges {\n        cursor\n        node {\n          ...JobRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ListedJob($id: ID!) {\n    job(id: $id) {\n      ...JobRow\n    }\n  }\n"): (typeof documents)["\n  query ListedJob($id: ID!) {\n    job(id: $id) {\n      ...JobRow\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Job($id: ID!) {\n    job(id: $id) {\n      ...JobRow\n      kind\n      cost {\n        amount\n      }\n      requestId\n      updatedAt\n      output\n      history {\n        status\n        at\n      }\n      assets {\n        path\n        expiresAt\n        keepError\n        contentType\n        bytes\n      }\n    }\n  }\n"): (typeof documents)["\n  query Job($id: ID!) {\n    job(id: $id) {\n      ...JobRow\n      kind\n      cost {\n        amount\n      }\n      requestId\n      updatedAt\n      output\n      history {\n        status\n        at\n      }\n      assets {\n        path\n        expiresAt\n        keepError\n        contentType\n        bytes\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Stats on DeploymentStats {\n    runs\n    succeeded\n    failed\n    cancelled\n    queueSeconds {\n      p50\n      p90\n    }\n    runSeconds {\n      p50\n      p90\n    }\n    coldStartSeconds {\n      p50\n      p90\n    }\n  }\n"): (typeof documents)["\n  fragment Stats on DeploymentStats {\n    runs\n    succeeded\n    failed\n    cancelled\n    queueSeconds {\n      p50\n      p90\n    }\n    runSeconds {\n      p50\n      p90\n    }\n    coldStartSeconds {\n      p50\n      p90\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Deployments {\n    isTokenRefused\n    deployments {\n      id\n      kind\n      name\n      description\n      model\n      price {\n        amount\n        unit\n        note\n      }\n      inputSchema\n      stats {\n        ...Stats\n      }\n    }\n  }\n"): (typeof documents)["\n  query Deployments {\n    isTokenRefused\n    deployments {\n      id\n      kind\n      name\n      description\n      model\n      price {\n        amount\n        unit\n        note\n      }\n      inputSchema\n      stats {\n        ...Stats\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DeploymentNames {\n    deployments {\n      id\n      name\n    }\n  }\n"): (typeof documents)["\n  query DeploymentNames {\n    deployments {\n      id\n      name\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Viewer {\n    viewer {\n      id\n      scopes\n    }\n  }\n"): (typeof documents)["\n  query Viewer {\n    viewer {\n      id\n      scopes\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Outages {\n    isTokenRefused\n    outage {\n      since\n    }\n    deployments {\n      id\n      name\n      outage {\n        since\n      }\n    }\n  }\n"): (typeof documents)["\n  query Outages {\n    isTokenRefused\n    outage {\n      since\n    }\n    deployments {\n      id\n      name\n      outage {\n        since\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Keep($id: ID!) {\n    keepOutputs(jobId: $id) {\n      __typename\n      ... on KeepOutputsSuccess {\n        job {\n          ...JobRow\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation Keep($id: ID!) {\n    keepOutputs(jobId: $id) {\n      __typename\n      ... on KeepOutputsSuccess {\n        job {\n          ...JobRow\n        }\n      }\n      ... on Error {\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment WebhookFacts on Webhook {\n    id\n    url\n    events\n    deploymentId\n    tag\n    failingSince\n    disabledAt\n    disabledReason\n  }\n"): (typeof documents)["\n  fragment WebhookFacts on Webhook {\n    id\n    url\n    events\n    deploymentId\n    tag\n    failingSince\n    disabledAt\n    disabledReason\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Refusal on Error {\n    message\n    ... on InvalidWebhookError {\n      issues {\n        path\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  fragment Refusal on Error {\n    message\n    ... on InvalidWebhookError {\n      issues {\n        path\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Webhooks {\n    webhooks {\n      ...WebhookFacts\n    }\n  }\n"): (typeof documents)["\n  query Webhooks {\n    webhooks {\n      ...WebhookFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Deliveries($id: ID!, $first: Int!, $after: ID) {\n    webhook(id: $id) {\n      ...WebhookFacts\n      deliveries(first: $first, after: $after) {\n        id\n        event\n        jobId\n        state\n        createdAt\n        nextTryAt\n        tries {\n          at\n          status\n          failure\n          durationMs\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query Deliveries($id: ID!, $first: Int!, $after: ID) {\n    webhook(id: $id) {\n      ...WebhookFacts\n      deliveries(first: $first, after: $after) {\n        id\n        event\n        jobId\n        state\n        createdAt\n        nextTryAt\n        tries {\n          at\n          status\n          failure\n          durationMs\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateWebhook($url: URL!, $events: [WebhookEvent!], $filter: WebhookFilter) {\n    result: createWebhook(url: $url, events: $events, filter: $filter) {\n      __typename\n      ... on CreateWebhookSuccess {\n        secret\n        webhook {\n          id\n        }\n      }\n      ...Refusal\n    }\n  }\n"): (typeof documents)["\n  mutation CreateWebhook($url: URL!, $events: [WebhookEvent!], $filter: WebhookFilter) {\n    result: createWebhook(url: $url, events: $events, filter: $filter) {\n      __typename\n      ... on CreateWebhookSuccess {\n        secret\n        webhook {\n          id\n        }\n      }\n      ...Refusal\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateWebhook(\n    $id: ID!\n    $url: URL\n    $events: [WebhookEvent!]\n    $filter: WebhookFilter\n    $isEnabled: Boolean\n  ) {\n    result: updateWebhook(\n      id: $id\n      url: $url\n      events: $events\n      filter: $filter\n      isEnabled: $isEnabled\n    ) {\n      __typename\n      ... on UpdateWebhookSuccess {\n        webhook {\n          ...WebhookFacts\n        }\n      }\n      ...Refusal\n    }\n  }\n"): (typeof documents)["\n  mutation UpdateWebhook(\n    $id: ID!\n    $url: URL\n    $events: [WebhookEvent!]\n    $filter: WebhookFilter\n    $isEnabled: Boolean\n  ) {\n    result: updateWebhook(\n      id: $id\n      url: $url\n      events: $events\n      filter: $filter\n      isEnabled: $isEnabled\n    ) {\n      __typename\n      ... on UpdateWebhookSuccess {\n        webhook {\n          ...WebhookFacts\n        }\n      }\n      ...Refusal\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteWebhook($id: ID!) {\n    result: deleteWebhook(id: $id) {\n      __typename\n      ...Refusal\n    }\n  }\n"): (typeof documents)["\n  mutation DeleteWebhook($id: ID!) {\n    result: deleteWebhook(id: $id) {\n      __typename\n      ...Refusal\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RotateSecret($id: ID!) {\n    result: rotateWebhookSecret(id: $id) {\n      __typename\n      ... on RotateWebhookSecretSuccess {\n        secret\n      }\n      ...Refusal\n    }\n  }\n"): (typeof documents)["\n  mutation RotateSecret($id: ID!) {\n    result: rotateWebhookSecret(id: $id) {\n      __typename\n      ... on RotateWebhookSecretSuccess {\n        secret\n      }\n      ...Refusal\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SendAgain($id: ID!) {\n    result: redeliver(deliveryId: $id) {\n      __typename\n      ... on RedeliverSuccess {\n        delivery {\n          id\n          state\n          nextTryAt\n        }\n      }\n      ...Refusal\n    }\n  }\n"): (typeof documents)["\n  mutation SendAgain($id: ID!) {\n    result: redeliver(deliveryId: $id) {\n      __typename\n      ... on RedeliverSuccess {\n        delivery {\n          id\n          state\n          nextTryAt\n        }\n      }\n      ...Refusal\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;