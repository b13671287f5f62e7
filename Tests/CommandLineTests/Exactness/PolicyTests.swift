// Policies that learn from rewards: the same bits in every arrangement, within the steps of the same answers too, programs
// that reward, and mistakes.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct PolicyTests {
    static let tasks = [
      "{name: grpo, num_generations: 4, max_completion_length: 5, num_iterations: 3, beta: 0.1, rewards: [{name: regex, pattern: '[a-m]'}, {name: length, weight: 0.1}]}",
      "{name: grpo, num_generations: 2, max_completion_length: 5, loss_type: grpo, temperature: 0.7, importance_sampling_level: sequence, rewards: [{name: regex, pattern: '[a-m]'}]}",
      "{name: rloo, num_generations: 2, max_completion_length: 5, rewards: [{name: regex, pattern: '[a-m]'}]}",
      "{name: ppo, max_completion_length: 5, num_ppo_epochs: 3, target: 0.5, horizon: 100, rewards: [{name: regex, pattern: '[a-m]'}, {name: length, weight: 0.3}]}",
      "{name: raft, num_generations: 4, max_completion_length: 5, rewards: [{name: regex, pattern: '[a-m]'}]}",
      "{name: grpo, num_generations: 4, max_completion_length: 5, num_iterations: 3, rollout_dtype: int8, rewards: [{name: regex, pattern: '[a-m]'}, {name: length, weight: 0.1}]}",
    ]

    private func settings(_ task: String, in folder: Workspace) throws -> [String] {
      try folder.makeLlama()
      try folder.makeRows("rows.jsonl", count: 40)
      return [
        "model=llama", "weights=random", "task=\(task)", "data.train=rows.jsonl", "data.validation=0.2",
        "data.sequence_length=40", "training.batch_size=8", "training.micro_batch_size=2",
        "optimizer.learning_rate=3.0e-3", "parallel.threads=1", "training.steps=5",
        "training.validate_every=2", "checkpoint.every=2",
      ]
    }

    @Test(arguments: tasks) func everyArrangementGivesTheSameBits(_ task: String) throws {
      let folder = try Workspace()
      let settings = try settings(task, in: folder)
      let one = try train(settings, output: "one", in: folder)
      let rollouts = try one.text("rollouts.jsonl")
      // With three steps on the same answers, five steps draw twice.
      let draws = task.contains(": 3,") && !task.contains("raft") ? 2 : 5
      #expect(rollouts.split(separator: "\n").count == draws * 8)
      #expect(try Set(one.numbers("reward")).count > 1)
      for (ranks, others) in [
        (2, ["parallel.zero=0"]), (3, ["parallel.zero=3"]), (4, ["task.generation_batch_size=1"]),
      ] {
        let run = try train(settings + others, output: "run\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks")
        #expect(try run.results() == one.results(), "\(ranks) ranks")
        #expect(try run.text("rollouts.jsonl") == rollouts, "\(ranks) ranks")
      }
      if task.contains("int8") {
        // Draws come of other weights than the policy's, and count what the policy makes of them.
        let ratios = try one.numbers("sampling/importance_sampling_ratio/mean")
        #expect(ratios.count == draws && ratios.allSatisfy { abs($0 - 1) < 0.2 })
        #expect(try one.numbers("sampling/sampling_logp_difference/max").allSatisfy { $0 > 0 && $0 < 0.5 })
      }
      if task.contains("ppo") {
        #expect(try one.numbers("value_loss").allSatisfy { $0 > 0 })
        #expect(try Set(one.numbers("kl_coef")).count == draws)
        // The value head is the run's, not the model's.
        let file = try Safetensors(try folder.data("one/model/model.safetensors"))
        #expect(file.index(of: "v_head.weight") == nil && file.header.count > 5)
      }
      // Step 2 lies within the steps of the first answers, where there are three of them.
      for gone in ["checkpoints/step-000005", "checkpoints/step-000004", "model"] {
        try folder.remove("run2/\(gone)")
      }
      let resumed = try train(settings, output: "run2", ranks: 3, in: folder)
      #expect(try resumed.hash() == one.hash())
      #expect(try resumed.results() == one.results())
      #expect(try resumed.text("rollouts.jsonl") == rollouts)
    }

    /// Each rank asks a program of its own.
    @Test func aProgramRewards() throws {
      let folder = try Workspace()
      let inside = try settings(Self.tasks[1], in: folder)
      try folder.file("score.sh", "while read -r line; do echo 1; done\n")
      let outside = inside.map {
        $0.hasPrefix("task=")
          ? "task={name: grpo, num_generations: 2, max_completion_length: 5, rewards: [{command: 'sh score.sh', timeout: 20}]}"
          : $0
      }
      let run = try train(outside, output: "run", ranks: 2, in: folder)
      #expect(try run.numbers("reward") == [1, 1, 1, 1, 1])
      // Where all answers earn the same, nothing is learned.
      #expect(try run.numbers("grad_norm").allSatisfy { $0 == 0 })
    }

    /// On whichever rank it was.
    @Test func aNewStartIsTold() throws {
      let folder = try Workspace()
      // One of two programs ends before its first answer, and is there when it is started again.
      try folder.file(
        "score.sh", "mkdir first 2>/dev/null && exit 4\nwhile read -r line; do echo 1; done\n")
      let settings = try settings(
        "{name: grpo, num_generations: 2, max_completion_length: 5, rewards: [{command: 'sh score.sh'}]}",
        in: folder)
      let result = try Command.swiftdp(["train"] + settings + ["output=run"], ranks: 4, in: folder)
      #expect(result.code == 0, "\(result.err)")
      let told = "sh score.sh: the reward program ended with exit code 4; it is started again"
      #expect((result.out + result.err).components(separatedBy: told).count == 2, "\(result.out)")
    }

    @Test func aProgramThatFailsEndsTheRun() throws {
      let folder = try Workspace()
      let settings = try settings(
        "{name: grpo, num_generations: 2, max_completion_length: 5, rewards: [{command: 'read l; exit 3'}]}",
        in: folder)
      let result = try Command.swiftdp(["train"] + settings + ["output=run"], ranks: 2, in: folder)
      #expect(result.code == 65)
      #expect(
        result.err.contains("read l; exit 3: the reward program ended with exit code 3, after 2 new starts"))
    }

    @Test(arguments: [
      ("{name: grpo}", "task.rewards: is missing"),
      ("{name: grpo, rewards: [exact]}", "task.rewards[0].name: is \"exact\", which is no reward"),
      ("{name: grpo, num_generations: 3, rewards: [json]}", "a step has answers to whole prompts, 3 to each"),
      ("{name: grpo, loss_type: dpo, rewards: [json]}", "task.loss_type: is \"dpo\""),
      (
        "{name: rloo, reward_clip_range: [2, 1], rewards: [json]}",
        "task.reward_clip_range: must be two numbers"
      ),
      ("{name: ppo, lam: 1.5, rewards: [json]}", "task.lam: is 1.5"),
      ("{name: ppo, horizon: 9, rewards: [json]}", "task.horizon: is not a key"),
      ("{name: raft, num_iterations: 2, rewards: [json]}", "task.num_iterations: is 2, and raft learns each"),
      ("{name: grpo, rewards: [{model: llama}], num_generations: 2}", "llama: is no reward model"),
      ("{name: grpo, rollout_dtype: int4, rewards: [json]}", "task.rollout_dtype: is \"int4\""),
      ("{name: rloo, rollout_dtype: int8, rewards: [json]}", "task.rollout_dtype: is not a key"),
    ])
    func mistakes(_ task: String, _ expected: String) throws {
      let folder = try Workspace()
      let result = try Command.swiftdp(
        ["train"] + (try settings(task, in: folder)) + ["output=run"], ranks: 2, in: folder)
      #expect(result.code != 0 && result.err.contains(expected), "\(result.err)")
    }

    /// In a short form, with a reward that the base earns now and then.
    @Test func recipe() throws {
      let folder = try Workspace()
      let run = try train(
        [
          Project.root + "/launch/recipes/grpo.yaml", "model=shipped:base", "training.steps=3",
          "training.batch_size=32",
          "task.rewards={name: regex, pattern: '^[A-M]'}", "training.validate_every=0",
          "data.validation=0.002",
        ], output: "run", ranks: 2, in: folder)
      let rewards = try run.numbers("reward")
      #expect(rewards.count == 3 && rewards.allSatisfy { (0...1).contains($0) })
      #expect(try run.numbers("validation_reward").count == 1)
    }

    @Test func aTextIsNoPrompt() throws {
      let folder = try Workspace()
      let settings = try settings(Self.tasks[2], in: folder)
      try folder.makeText(characters: 2000)
      let result = try Command.swiftdp(
        ["train"] + settings + ["data.train=text.txt", "data.validation=0", "output=run"], ranks: 2,
        in: folder)
      #expect(result.code == 65 && result.err.contains("text.txt"), "\(result.err)")
    }
  }
}
