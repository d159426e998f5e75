import { graphql } from "../gql/index";

/** The jobs right before and after one, wherever in the list it is. */
export const AROUND = graphql(`
  query GalleryAround($newer: JobFilter!, $older: JobFilter!, $length: Int!) {
    newer: jobs(filter: $newer, last: $length) {
      edges {
        node {
          ...JobRow
        }
      }
    }
    older: jobs(filter: $older, first: $length) {
      edges {
        node {
          ...JobRow
        }
      }
    }
  }
`);
