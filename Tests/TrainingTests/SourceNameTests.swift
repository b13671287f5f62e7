// What numbers of sources are called: names that differ, since they are keys of one object.
import Datasets
import Testing
import Training

@Suite struct SourceNameTests {
  private func names(_ sources: [(files: [String], name: String?)]) -> [String]? {
    SourceLosses(sources.map { DataSource(files: $0.files, name: $0.name) })?.names
  }

  @Test func namesDiffer() {
    #expect(names([(["a/x.jsonl"], nil)]) == nil)
    #expect(names([(["a/x.jsonl"], nil), (["b/y.jsonl"], nil)]) == ["x.jsonl", "y.jsonl"])
    #expect(names([(["a/x.jsonl"], nil), (["b/x.jsonl"], nil)]) == ["a/x.jsonl", "b/x.jsonl"])
    #expect(names([(["x.jsonl"], nil), (["x.jsonl"], nil)]) == ["x.jsonl (1)", "x.jsonl (2)"])
    #expect(names([(["a/x.jsonl"], "old"), (["b/x.jsonl"], nil)]) == ["old", "x.jsonl"])
  }
}
