// swiftdp evaluate --tasks with shipped tasks: the prompts, targets and hashes that lm-evaluation-harness has for its own task
// files (Tests/Fixtures/shipped_tasks), from files as the sets' authors have them and as the hub has them.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct ShippedTaskTests {
    private static let fixtures = "Tests/Fixtures/shipped_tasks"

    private static func files(_ folder: String) throws -> [String] {
      let root = Project.root + "/" + fixtures + "/" + folder
      return try FileManager.default.subpathsOfDirectory(atPath: root).filter {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: root + "/" + $0, isDirectory: &isFolder)
          && !isFolder.boolValue
      }
    }

    /// A model that reads long texts, with weights of one step.
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama(longest: 8192)
      try folder.makeText(characters: 2150)
      try train(
        RankCountTests.text + ["model=llama", "training.steps=1", "training.validate_every=0"], output: "run",
        in: folder)
      for form in ["published", "hub"] {
        for name in try Self.files(form) {
          try folder.file("\(form)/\(name)", Project.contents("\(Self.fixtures)/\(form)/\(name)"))
        }
      }
      return folder
    }

    @Test func promptsAndTargetsAreThoseOfTheHarness() throws {
      let folder = try folder()
      let expected = try JSON.parse(Array(try Project.contents(Self.fixtures + "/expected.json")))
      let tasks = try #require(expected["samples"]?.members).map {
        (name: String(decoding: $0.key, as: UTF8.self), rows: $0.value.elements ?? [])
      }
      #expect(tasks.map(\.name).sorted() == ["boolq", "gsm8k", "lambada_openai", "openbookqa", "piqa"])
      for form in ["published", "hub"] {
        let result = try Command.swiftdp(
          [
            "evaluate", "--model", "run/model", "--tasks", tasks.map(\.name).joined(separator: ","), "--data",
            form, "--output", "out-" + form,
          ], in: folder)
        try #require(result.code == 0, "\(result.err)")
        var compared = 0
        for task in tasks {
          let samples = try folder.text("out-\(form)/samples_\(task.name).jsonl").split(separator: "\n").map {
            try JSON.parse(String($0))
          }.filter { ["none", "strict-match"].contains($0["filter"]?.text) }
          #expect(samples.count == task.rows.count, "\(task.name)")
          for (want, own) in zip(task.rows, samples) {
            for key in ["doc_id", "target", "prompt_hash", "target_hash"] {
              #expect(own[key] == want[key], "\(form) \(task.name): \(key)")
            }
            // The sets' own files have other columns than the hub's.
            if form == "hub" { #expect(own["doc_hash"] == want["doc_hash"], "\(task.name)") }
            let arguments = want["arguments"]?.elements ?? []
            #expect(own["arguments"]?.members?.count == arguments.count, "\(task.name)")
            for (number, argument) in arguments.enumerated() {
              let ours = own["arguments"]?["gen_args_\(number)"]
              for (place, value) in (argument.elements ?? []).enumerated() where value.text != nil {
                #expect(ours?["arg_\(place)"] == value, "\(form) \(task.name): \(argument.encoded())")
                compared += 1
              }
            }
          }
        }
        // Two texts for each choice, and for each text to complete; one for each question that is answered in words.
        #expect(compared == 2 * (3 * 2 + 3 * 4 + 3 * 2 + 3) + 2)
      }
    }

    @Test func labelsOfPIQAStandBesideItsRows() throws {
      let folder = try folder()
      try folder.file("published/piqa/valid-labels.lst", "0\n1\n")
      try expectMistake(
        ["evaluate", "--model", "run/model", "--tasks", "piqa", "--data", "published"], 65,
        ["published/piqa/valid-labels.lst: has 2 labels, and published/piqa/valid.jsonl 3 rows"], in: folder)
    }
  }
}
