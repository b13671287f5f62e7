// swiftdp checkpoint
import ArgumentParser
import Base
import Checkpoints
import Foundation
import Training

struct Checkpoint: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look at a checkpoint, or check that it is whole.",
    subcommands: [Inspect.self, Verify.self, Hash.self])

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print what a checkpoint or model folder holds.")

    @Argument(help: "A checkpoint or a Hugging Face model folder.", transform: Launch.path)
    var folder: String
    @Flag(help: "List every tensor.")
    var tensors = false

    func run() throws {
      let content = try CheckpointSummary(folder: folder)
      for line in content.lines(listingTensors: tensors) { print(line) }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check that a checkpoint is whole and that every number in it is finite.",
      discussion: "Exits with 0 if it is, and else with 65 and one line for each fault.")

    @Argument(help: "A checkpoint or a Hugging Face model folder.", transform: Launch.path)
    var folder: String

    func run() throws {
      let content = try CheckpointSummary(folder: folder)
      let count = try content.verify()
      let checksums = content.manifest == nil ? ", no checksums to compare" : ""
      print("\(folder): whole, \(grouped(count)) numbers read, all finite\(checksums)")
    }
  }

  struct Hash: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print one SHA-256 of all numbers in a checkpoint.",
      discussion: """
        It covers names, shapes and bytes of weights and optimizer states, and is the same for every number
        of files or ranks. Two runs with equal hashes stand at exactly the same point.
        """)

    @Argument(help: "A checkpoint or a Hugging Face model folder.", transform: Launch.path)
    var folder: String

    func run() throws { print(try CheckpointSummary(folder: folder).hash()) }
  }
}
