// swiftdp index search --reranker: scores and order of cross-encoders as transformers has them (Tests/Fixtures/reranker).
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite(.enabled(if: Project.hasSharedData)) struct RerankerTests {
    private static var encoder: String { Project.shared("all-MiniLM-L6-v2") ?? "all-MiniLM-L6-v2" }

    private func fixture(_ path: String) throws -> JSON {
      try JSON.parse(Array(try Project.contents("Tests/Fixtures/" + path)))
    }

    @Test(arguments: ["number", "labels"]) func scoresAreThoseOfTransformers(_ name: String) throws {
      let folder = try Workspace()
      let data = try fixture("retrieval.json")
      let passages = try #require(data["passages"]?.elements)
      let queries = try #require(data["queries"]?.elements)
      let wanted = try #require(try fixture("reranker/expected.json")[name]?.elements)
      for file in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        try folder.file("reranker/" + file, Project.contents("Tests/Fixtures/reranker/\(name)/\(file)"))
      }
      try folder.file("passages.jsonl", passages.map { $0.encoded() + "\n" }.joined())
      try folder.file("queries.jsonl", queries.map { JSON.object(["query": $0]).encoded() + "\n" }.joined())
      let built = try Command.swiftdp(
        ["index", "build", "--model", Self.encoder, "--data", "passages.jsonl", "--output", "index"],
        in: folder)
      try #require(built.code == 0, "\(built.err)")
      func search(_ options: [String], ranks: Int? = nil) throws -> String {
        let result = try Command.swiftdp(
          ["index", "search", "--index", "index", "--queries", "queries.jsonl"] + options, ranks: ranks,
          in: folder)
        try #require(result.code == 0, "\(result.err)")
        return result.out
      }
      func hits(_ text: String) throws -> [[(id: String, score: Double)]] {
        try text.split(separator: "\n").map { line in
          try #require(try JSON.parse(String(line))["hits"]?.elements).map {
            (try #require($0["id"]?.text), try #require($0["score"]?.double))
          }
        }
      }
      let options = ["-k", "4", "--candidates", "9", "--reranker", "reranker"]
      let text = try search(options)
      #expect(try search(options, ranks: 2) == text)
      let (ranked, found) = (try hits(text), try hits(search(["-k", "9"])))
      #expect(ranked.count == 8 && found.count == 8)
      let ids = passages.compactMap { $0["id"]?.text }
      for (query, (ranked, found)) in zip(ranked, found).enumerated() {
        let scores = try #require(wanted[query].elements).compactMap(\.double)
        #expect(scores.count == ids.count)
        func score(_ id: String) -> Double { ids.firstIndex(of: id).map { scores[$0] } ?? .nan }
        let best = found.map(\.id).sorted { score($0) > score($1) }.prefix(4)
        #expect(ranked.map(\.id) == Array(best), "query \(query)")
        for hit in ranked { #expect(abs(hit.score - score(hit.id)) < 2e-5, "\(hit) \(score(hit.id))") }
      }
    }
  }
}
