// training.report_to: the same numbers in every form, also behind a resume.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct ReportToTests {
    static let settings =
      RankCountTests.text + [
        "training.micro_batch_size=2", "checkpoint.every=10",
        "training.report_to=[tensorboard,csv,prometheus]",
      ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    /// The scalars of all files of a run by tag and step; a step that stands twice is a failure.
    private func scalars(_ run: RunOutput) throws -> [String: [Int: Float]] {
      var found: [String: [Int: Float]] = [:]
      for name in run.folder.names(in: run.name + "/tensorboard") {
        let events = try EventReader.events(try run.folder.data(run.name + "/tensorboard/" + name))
        #expect(events.first?.version == "brain.Event:2")
        for event in events {
          for (tag, value) in event.scalars {
            #expect(found[tag]?[event.step] == nil, "\(tag) of step \(event.step) stands twice")
            found[tag, default: [:]][event.step] = value
          }
        }
      }
      return found
    }

    private func compare(_ run: RunOutput, steps: Int) throws {
      let scalars = try scalars(run)
      let metrics = try run.metrics()
      #expect(metrics.count == steps)
      var compared = 0
      for (key, tag) in [
        ("loss", "train/loss"), ("learning_rate", "train/learning_rate"), ("grad_norm", "train/grad_norm"),
        ("tokens_per_second", "train/tokens_per_second"), ("validation_loss", "validation/loss"),
        ("validation_perplexity", "validation/perplexity"),
      ] {
        for line in metrics {
          guard let value = line[key]?.double, let step = line["step"]?.integer else { continue }
          #expect(scalars[tag]?[step] == Float(value), "\(tag) of step \(step)")
          compared += 1
        }
        let known = metrics.compactMap { $0[key] == nil ? nil : $0["step"]?.integer }
        #expect(Set((scalars[tag] ?? [:]).keys).subtracting([0]) == Set(known), "\(tag)")
      }
      #expect(compared >= 4 * steps + 2)

      let rows = try run.text("metrics.csv").split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
      let names = try #require(rows.first)
      #expect(rows.count == steps + 1 && rows.allSatisfy { $0.count == names.count })
      let place = try #require(names.firstIndex(of: "loss"))
      #expect(rows.dropFirst().compactMap { Double($0[place]) } == (try run.numbers("loss")))
      #expect(rows.dropFirst().map { $0[0] } == (1...steps).map(String.init))
    }

    @Test func allFormsHaveTheNumbersOfTheMetrics() throws {
      let folder = try folder()
      let run = try train(Self.settings, output: "run", ranks: 2, in: folder)
      try compare(run, steps: 20)
      let scalars = try scalars(run)
      // What was measured before the first step.
      #expect(scalars["validation/loss"]?[0] != nil)
      let name = try #require(folder.names(in: "run/tensorboard").first)
      let events = try EventReader.events(try folder.data("run/tensorboard/" + name))
      let tags = Set(events.flatMap(\.tags))
      for tag in [
        "recipe", "_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info",
        "ranks/step_seconds",
        "gradients/model.layers.0", "gradients/model.layers.1", "gradients/model.embed_tokens",
      ] { #expect(tags.contains(tag), "\(tag)") }
      let last = try run.text("prometheus/swiftdp.prom")
      #expect(last.contains("# TYPE swiftdp_step gauge\nswiftdp_step{output=\"run\"} 20.0\n"))
      #expect(last.contains("swiftdp_running{output=\"run\"} 0.0\n"))
      #expect(last.contains("swiftdp_validation_loss{output=\"run\"}"))
    }

    @Test func aResumeLeavesNoStepTwice() throws {
      let folder = try folder()
      let run = try train(Self.settings, output: "run", in: folder)
      // As it stands when the run is killed after step 13, in the middle of a record and of a row.
      try folder.remove("run/checkpoints/step-000020")
      try folder.remove("run/model")
      let name = "run/tensorboard/" + (try #require(folder.names(in: "run/tensorboard").first))
      try folder.file(name, try folder.data(name).dropLast(1000))
      let rows = try run.text("metrics.csv")
      try folder.file("run/metrics.csv", String(rows.dropLast(300)))
      let again = try Command.swiftdp(["train"] + Self.settings + ["output=run"], ranks: 2, in: folder)
      try #require(again.code == 0, "\(again.err)")
      #expect(folder.names(in: "run/tensorboard").count == 2)
      try compare(run, steps: 20)
    }

    @Test func anUnknownNameIsRefused() throws {
      let folder = try folder()
      let result = try Command.swiftdp(
        ["train"] + RankCountTests.text + ["training.report_to=[tensorbord]", "training.trace=3-2"],
        in: folder)
      #expect(result.code == 64)
      #expect(
        result.messages == [
          "training.report_to: has \"tensorbord\", but must be some of tensorboard, csv, prometheus (did you mean tensorboard?)",
          "training.trace: is \"3-2\", which names no steps (such as 10 or 10-12)",
        ])
    }

    @Test func whatCannotBeWrittenEndsNoRun() throws {
      let folder = try folder()
      // Files stand where folders are meant.
      try folder.file("run/tensorboard", "a file")
      try folder.file("run/prometheus", "a file")
      let result = try Command.swiftdp(["train"] + Self.settings + ["output=run"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(result.out.contains("the run goes on"))
      #expect(try RunOutput(folder: folder, name: "run").metrics().count == 20)
    }
  }
}

extension CommandLineTests {
  @Suite struct TraceTests {
    @Test func everyRankWritesThePartsOfItsSteps() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let plain = try train(RankCountTests.text, output: "plain", in: folder)
      let run = try train(RankCountTests.text + ["training.trace=5-6"], output: "run", ranks: 2, in: folder)
      #expect(try run.results() == plain.results())
      #expect(folder.names(in: "run/trace") == ["rank-0000.json", "rank-0001.json"])
      for (rank, name) in folder.names(in: "run/trace").enumerated() {
        let json = try JSON.parse(try folder.text("run/trace/" + name))
        let events = try #require(json["traceEvents"]?.elements)
        let names = Set(events.compactMap { $0["name"]?.text })
        for name in ["step 5", "step 6", "exchange", "update", "norm", "validation"] {
          #expect(names.contains(name), "\(name)")
        }
        #expect(names.contains { $0.hasSuffix(" forward") } && names.contains { $0.hasSuffix(" backward") })
        let layers = Set(events.compactMap { $0["args"]?["layer"]?.integer })
        #expect(layers.contains(0) && layers.contains(1))
        #expect(events.allSatisfy { $0["pid"]?.integer == rank })
        #expect(
          events.dropFirst().allSatisfy { ($0["ts"]?.double ?? -1) >= 0 && ($0["dur"]?.double ?? -1) >= 0 })
      }
    }
  }
}
