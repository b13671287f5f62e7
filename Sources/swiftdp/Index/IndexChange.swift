// swiftdp index add, update and remove
import ArgumentParser
import Base
import Collectives
import Datasets
import Foundation
import Retrieval
import Training

extension IndexCommand {
  struct Add: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      abstract: "Add passages whose ids are new.",
      discussion: """
        Example: swiftdp index add --index index --data more.jsonl
        All of them are found from one moment on.
        """)

    @OptionGroup var index: OpenIndexOptions
    @OptionGroup var passages: PassageOptions

    func run() throws { try change(index, passages, replacing: false) }
  }

  struct Update: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      abstract: "Put passages in the places of those with their ids, and add those that are new.",
      discussion: """
        Example: swiftdp index update --index index --data changed.jsonl
        Readers find all old passages or all new ones, and never both. Passages that say what is there already are left.
        """)

    @OptionGroup var index: OpenIndexOptions
    @OptionGroup var passages: PassageOptions

    func run() throws { try change(index, passages, replacing: true) }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take passages out.", discussion: "Example: swiftdp index remove --index index --ids a,b")

    @Option(help: "The folder of the index.", transform: Launch.path)
    var index: String
    @Option(help: "The ids of the passages, with commas between them. It may be given several times.")
    var ids: [String]

    func run() throws {
      let all = ids.flatMap { $0.split(separator: ",").map(String.init) }
      guard !all.isEmpty else { throw UserError(.usage, "names no passage", at: "--ids") }
      try IndexEditing.remove(all, from: index, host: Ranks.hostName)
      print("\(counted(Set(all).count, "passage")) removed · \(index)")
    }
  }
}

private func change(_ index: OpenIndexOptions, _ passages: PassageOptions, replacing: Bool) throws {
  try onRanks { ranks in
    let files = try ranks.together { try passages.files {} }
    let facts = try index.facts(ranks)
    let encoder = try index.encoder(facts, ranks)
    let start = Date()
    let outcome = try passages.edit(index.index, encoder, ranks).add(files, replacing: replacing)
    if let outcome { try passages.tell(outcome, index.index, encoder, since: start) }
  }
}
