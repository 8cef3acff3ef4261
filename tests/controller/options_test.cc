#include "zkprov/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ensemble/config_keys.h"

namespace zk::zkprov {
namespace {

using testing::HasSubstr;

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : line + " ") {
        if (c != ' ') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::exchange(word, {}));
        }
    }
    return words;
}
Options good(const std::string& line, const Environment& environment = {}) {
    auto options = parse_options(words_of(line), environment);
    EXPECT_TRUE(options.has_value()) << line << ": " << options.error().words;
    return options.has_value() ? *options : Options{};
}
std::string bad(const std::string& line) {
    const auto options = parse_options(words_of(line), {});
    EXPECT_FALSE(options.has_value()) << line;
    return options.has_value() ? "" : options.error().words;
}

TEST(Options, InventoryByWordFlagAndEnvironment) {
    EXPECT_EQ(good("apply a.yaml").inventory_file, "a.yaml");
    EXPECT_EQ(good("apply -i a.yaml").inventory_file, "a.yaml");
    EXPECT_EQ(good("-i a.yaml apply").inventory_file, "a.yaml");
    EXPECT_EQ(good("apply --inventory=a.yaml").inventory_file, "a.yaml");
    EXPECT_EQ(good("apply -i -").inventory_file, "-");
    EXPECT_EQ(good("status").inventory_file, "inventory.yaml");
    Environment environment;
    environment.inventory = "e.yaml";
    EXPECT_EQ(good("status", environment).inventory_file, "e.yaml");
    EXPECT_EQ(good("status a.yaml", environment).inventory_file, "a.yaml");
    EXPECT_THAT(bad("apply a.yaml -i b.yaml"), HasSubstr("two inventories"));
    EXPECT_THAT(bad("apply a.yaml b.yaml"), HasSubstr("one word too many"));
}

TEST(Options, ReplaceNodeTakesOneId) {
    const Options options = good("replace-node 2 a.yaml");
    EXPECT_EQ(options.node, ServerId(2));
    EXPECT_EQ(options.inventory_file, "a.yaml");
    EXPECT_THAT(bad("replace-node"), HasSubstr("needs the node's id"));
    EXPECT_THAT(bad("replace-node 1-2"), HasSubstr("one node at a time"));
    EXPECT_THAT(bad("replace-node x"), HasSubstr("must be an id"));
}

TEST(Options, WipeTakesOneIdToo) {
    const Options options = good("wipe 2 a.yaml --confirm demo");
    EXPECT_EQ(options.verb, Verb::wipe);
    EXPECT_EQ(options.node, ServerId(2));
    EXPECT_EQ(options.inventory_file, "a.yaml");
    EXPECT_EQ(options.confirm, "demo");
    EXPECT_FALSE(options.accept_quorum_loss);
    EXPECT_TRUE(good("wipe 2 --accept-quorum-loss").accept_quorum_loss);
    EXPECT_THAT(bad("wipe"), HasSubstr("wipe needs the node's id, such as: zkprov wipe 2"));
    EXPECT_THAT(bad("wipe 1-2"), HasSubstr("wipe takes one node at a time"));
    EXPECT_THAT(bad("replace-node 2 --accept-quorum-loss"), HasSubstr("is for wipe"));
    EXPECT_THAT(bad("wipe 2 --playbook my.yaml"), HasSubstr("wipe does not have it"));
    EXPECT_TRUE(help_text("wipe").has_value());
    const Options gone = good("destroy a.yaml --confirm demo --delete-data --skip-unreachable");
    EXPECT_EQ(gone.verb, Verb::destroy);
    EXPECT_EQ(gone.confirm, "demo");
    EXPECT_TRUE(gone.delete_data && gone.skip_unreachable);
    EXPECT_FALSE(good("destroy").delete_data);
    EXPECT_TRUE(good("destroy --dry-run").dry_run);
    EXPECT_THAT(bad("wipe 2 --delete-data"), HasSubstr("is for destroy"));
}

TEST(Options, EventsSinceAndExplained) {
    const Options options = good("events --explain --since 90m a.yaml");
    EXPECT_EQ(options.verb, Verb::events);
    EXPECT_TRUE(options.explain);
    EXPECT_EQ(options.since, std::chrono::minutes(90));
    EXPECT_EQ(options.inventory_file, "a.yaml");
    EXPECT_FALSE(good("events").explain);
    EXPECT_EQ(good("events").since, std::nullopt);
    EXPECT_THAT(bad("status --explain"), HasSubstr("--explain is for events; status"));
    EXPECT_THAT(bad("events --yes"), HasSubstr("events does not have it"));
}

TEST(Options, LogsOfOneNode) {
    Options options = good("logs 2 a.yaml");
    EXPECT_EQ(options.verb, Verb::logs);
    EXPECT_EQ(options.node, ServerId(2));
    EXPECT_EQ(options.inventory_file, "a.yaml");
    EXPECT_EQ(options.lines, agent_api::kLogLinesStandard);
    EXPECT_FALSE(options.follow);
    EXPECT_FALSE(options.of_agent);
    options = good("logs -n 0 -f --agent 3 --timeout 5s -o json");
    EXPECT_EQ(options.lines, 0);
    EXPECT_TRUE(options.follow);
    EXPECT_TRUE(options.of_agent);
    EXPECT_EQ(options.output, Output::json);
    EXPECT_EQ(good("logs 2 --lines=10000").lines, agent_api::kLogLinesMax);
    EXPECT_THAT(bad("logs"), HasSubstr("logs needs the node's id, such as: zkprov logs 2"));
    EXPECT_THAT(bad("logs 1-2"), HasSubstr("logs takes one node at a time"));
    EXPECT_THAT(bad("logs 2 -n 10001"), HasSubstr("10000"));
    EXPECT_THAT(bad("logs 2 -n -1"), HasSubstr("-n"));
    EXPECT_THAT(bad("status -f"), HasSubstr("-f is for logs"));
    EXPECT_THAT(bad("logs 2 --lock-timeout 1s"), HasSubstr("logs does not have it"));
    EXPECT_THAT(bad("log 2"), HasSubstr("logs"));
}

TEST(Options, CloudInitTakesProgramsFromOnePlace) {
    const std::string sum(64, 'a');
    Options options = good("cloud-init --image /opt/zkprov.tar a.yaml");
    EXPECT_EQ(options.verb, Verb::cloud_init);
    EXPECT_EQ(options.image, "/opt/zkprov.tar");
    EXPECT_EQ(options.inventory_file, "a.yaml");
    EXPECT_EQ(options.node, std::nullopt);
    EXPECT_EQ(options.wait, std::chrono::minutes(10));
    EXPECT_EQ(options.phone_home, "");
    options = good("cloud-init --url https://a/b --sha256 " + sum +
                   " --node 2 --wait 90s --phone-home https://h/");
    EXPECT_EQ(options.url, "https://a/b");
    EXPECT_EQ(options.sha256, sum);
    EXPECT_EQ(options.node, ServerId(2));
    EXPECT_EQ(options.wait, std::chrono::seconds(90));
    EXPECT_EQ(options.phone_home, "https://h/");
    options = good("cloud-init --embed --generic --release-dir /r");
    EXPECT_TRUE(options.embed);
    EXPECT_EQ(options.release_dir, "/r");
    EXPECT_EQ(good("cloud-init --image /b --sha256 " + sum).sha256, sum);
    EXPECT_THAT(bad("cloud-init"), HasSubstr("--image PATH (a file of zkprov bundle"));
    EXPECT_THAT(bad("cloud-init --embed --image /b"), HasSubstr("from one place"));
    EXPECT_THAT(bad("cloud-init --url https://a/b"), HasSubstr("zkprov bundle FILE prints it"));
    EXPECT_THAT(bad("cloud-init --embed --sha256 " + sum), HasSubstr("is for --url and --image"));
    EXPECT_THAT(bad("cloud-init --embed --generic --node 1"), HasSubstr("write one of them"));
    EXPECT_THAT(bad("cloud-init --embed --node 1-2"), HasSubstr("--node"));
    EXPECT_THAT(bad("cloud-init --embed --node x"), HasSubstr("--node"));
    EXPECT_THAT(bad("apply --embed"), HasSubstr("is for cloud-init"));
    EXPECT_THAT(bad("cloud-init --embed --yes"), HasSubstr("cloud-init does not have it"));
}

TEST(Options, ImportTakesHostsAndHowToLogIn) {
    const Options options = good(
        "import zk1 192.168.6.[137-139] --user ops --key a --key b --known-hosts k --ssh-port 2222 "
        "--jump j --ssh-config c --cluster demo --tarball t.tar.gz");
    EXPECT_EQ(options.verb, Verb::import_hosts);
    EXPECT_EQ(options.hosts, (std::vector<std::string>{"zk1", "192.168.6.[137-139]"}));
    EXPECT_EQ(options.user, "ops");
    EXPECT_EQ(options.keys, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(options.known_hosts, "k");
    EXPECT_EQ(options.ssh_port, 2222);
    EXPECT_EQ(options.jump, "j");
    EXPECT_EQ(options.ssh_config, "c");
    EXPECT_EQ(options.cluster, "demo");
    EXPECT_EQ(options.tarball, "t.tar.gz");
    EXPECT_FALSE(good("import zk1").ssh_port);
    EXPECT_EQ(good("import h --engine /run/podman.sock").engine, "/run/podman.sock");
    EXPECT_THAT(bad("import h --engine podman.sock"), HasSubstr("absolute path of a socket"));
    EXPECT_EQ(good("import h --container a --container b").containers.size(), 2U);
    EXPECT_THAT(bad("import"), HasSubstr("import needs the hosts' addresses or names"));
    EXPECT_TRUE(good("apply --adopt").adopt);
    EXPECT_TRUE(good("plan --take-over").take_over);
    EXPECT_THAT(bad("plan --adopt"), HasSubstr("--adopt is for apply"));
}

TEST(Options, StatusIsWatched) {
    const Options options = good("status -w --interval 500ms a.yaml");
    EXPECT_TRUE(options.watch);
    EXPECT_EQ(options.interval, milliseconds(500));
    EXPECT_FALSE(good("status").watch);
    EXPECT_EQ(good("status --watch").interval, milliseconds(2000));
    EXPECT_THAT(bad("apply -w"), HasSubstr("-w is for status"));
}

TEST(Options, UiOfANodeAtAPort) {
    const Options options = good("ui --node 2 --port 9180 a.yaml");
    EXPECT_EQ(options.verb, Verb::ui);
    EXPECT_EQ(options.node, ServerId(2));
    EXPECT_EQ(options.port, 9180);
    EXPECT_EQ(good("ui").node, std::nullopt);
    EXPECT_EQ(good("ui").port, 0);
    EXPECT_THAT(bad("ui --port 70000"), HasSubstr("--port"));
    EXPECT_THAT(bad("status --node 2"), HasSubstr("--node is for"));
}

TEST(Options, LockShowAndBreak) {
    EXPECT_EQ(good("lock show a.yaml").inventory_file, "a.yaml");
    EXPECT_EQ(good("lock show").lock_verb, LockVerb::show);
    const Options options = good("lock break --confirm demo");
    EXPECT_EQ(options.verb, Verb::lock);
    EXPECT_EQ(options.lock_verb, LockVerb::revoke);
    EXPECT_EQ(options.confirm, "demo");
    EXPECT_THAT(bad("lock"), HasSubstr("lock needs show or break"));
    EXPECT_THAT(bad("lock open"), HasSubstr("lock needs show or break"));
    EXPECT_EQ(good("apply --lock-timeout 10m").lock_timeout, std::chrono::minutes(10));
    EXPECT_EQ(good("apply").lock_timeout, milliseconds(0));
}

TEST(Options, Flags) {
    const Options options = good(
        "apply -y --timeout 2m --connect-timeout=500ms --accept-new-host-keys --stats -v -o json "
        "--color never --release-dir /r --ssh-client openssh");
    EXPECT_TRUE(options.yes);
    EXPECT_EQ(options.timeout, std::chrono::minutes(2));
    EXPECT_EQ(options.connect_timeout, milliseconds(500));
    EXPECT_TRUE(options.accept_new_host_keys);
    EXPECT_TRUE(options.stats);
    EXPECT_TRUE(options.verbose);
    EXPECT_EQ(options.output, Output::json);
    EXPECT_EQ(options.colour, Colour::never);
    EXPECT_EQ(options.release_dir, "/r");
    EXPECT_EQ(options.ssh_client, inventory::SshClient::openssh);
    EXPECT_EQ(good("apply").ssh_client, std::nullopt);
}

TEST(Options, ARecipeIsForWhatRunsOne) {
    EXPECT_EQ(good("apply --playbook my.yaml").playbook_file, "my.yaml");
    EXPECT_EQ(good("plan --playbook=my.yaml").playbook_file, "my.yaml");
    EXPECT_EQ(good("replace-node 2 --playbook my.yaml").playbook_file, "my.yaml");
    EXPECT_EQ(good("apply").playbook_file, "");
    for (const char* const words : {"status", "stop", "start", "lock show"}) {
        EXPECT_THAT(bad(std::string(words) + " --playbook my.yaml"),
                    HasSubstr("--playbook is for apply, plan, replace-node and migrate"));
    }
    EXPECT_THAT(bad("apply --playbook -"), HasSubstr("--playbook needs a file"));
}

TEST(Options, MigrateSaysWhereTo) {
    EXPECT_EQ(good("migrate a.yaml --to apache").to, agent_api::Flavor::apache);
    const Options options = good("migrate --to zkserver --dry-run --yes");
    EXPECT_EQ(options.to, agent_api::Flavor::zkserver);
    EXPECT_TRUE(options.dry_run && options.yes);
    EXPECT_THAT(bad("migrate"), HasSubstr("needs --to zkserver or --to apache"));
    EXPECT_THAT(bad("migrate --to 3.9"), HasSubstr("zkserver"));
    EXPECT_THAT(bad("apply --dry-run"), HasSubstr("--dry-run is for migrate"));
}

TEST(Options, TheTableIsSound) {
    EXPECT_THAT(command_line::problems(program()), testing::IsEmpty());
    for (const command_line::Command& command : program().commands) {
        const std::string_view word = command.name.substr(0, command.name.find(' '));
        const bool plain = command.operands.empty() || command.operands.front().least == 0;
        if (plain && word != "help") {
            const std::string more = word == "cloud-init" ? " --embed"
                                     : word == "migrate"  ? " --to apache"
                                                          : "";
            EXPECT_EQ(to_string(good(std::string(command.name) + more).verb), word);
        }
    }
    for (const std::string_view name : program().find_option("--ssh-client")->choices) {
        EXPECT_TRUE(inventory::ssh_client_named(name).has_value()) << name;
    }
    for (const command_line::Option& option : program().options) {
        if (option.environment.empty()) continue;
        EXPECT_THAT(*help_text("env"), HasSubstr(std::string(option.environment)));
    }
}

TEST(Options, WhatACommandDoesNotHaveIsRefused) {
    EXPECT_THAT(bad("apply --confirm demo"),
                HasSubstr("--confirm is for lock break, wipe and destroy; apply"));
    EXPECT_THAT(bad("lock show --confirm demo"), HasSubstr("lock show does not have it"));
    EXPECT_THAT(bad("apply --exit-code"), HasSubstr("--exit-code is for plan; apply"));
    EXPECT_THAT(bad("status --yes"), HasSubstr("status does not have it"));
    EXPECT_THAT(
        bad("plan --lock-timeout 5s"),
        HasSubstr("is for apply, replace-node, migrate, start, stop, wipe and destroy; plan"));
    EXPECT_THAT(bad("version -i a.yaml"), HasSubstr("version does not have it"));
}

TEST(Options, Completion) {
    EXPECT_EQ(good("bundle b.tar").verb, Verb::bundle);
    EXPECT_EQ(good("bundle b.tar --release-dir /r").bundle_file, "b.tar");
    EXPECT_EQ(good("bundle b.tar --release-dir /r").release_dir, "/r");
    EXPECT_THAT(bad("bundle"), HasSubstr("zkprov bundle zkprov.tar"));
    EXPECT_THAT(bad("bundle b.tar --yes"), HasSubstr("--yes"));
    EXPECT_EQ(good("completion bash").verb, Verb::completion);
    EXPECT_EQ(good("completion fish").shell, command_line::Shell::fish);
    EXPECT_EQ(good("completion zsh").shell, command_line::Shell::zsh);
    EXPECT_THAT(bad("completion"), HasSubstr("such as: zkprov completion bash"));
    EXPECT_THAT(bad("completion tcsh"), HasSubstr("SHELL must be bash, zsh or fish"));
}

TEST(Options, MistakesNameTheWayOut) {
    EXPECT_THAT(bad("aply"), HasSubstr("did you mean \"apply\""));
    EXPECT_THAT(bad("upgrade"), HasSubstr("not supported in this version"));
    EXPECT_THAT(bad("apply --timout 1s"), HasSubstr("did you mean \"--timeout\""));
    EXPECT_THAT(bad("apply --timeout"), HasSubstr("needs a value"));
    EXPECT_THAT(bad("apply --timeout soon"), HasSubstr("a duration is a number"));
    EXPECT_THAT(bad("apply --ssh-client putty"), HasSubstr("must be auto, libssh2 or openssh"));
    EXPECT_THAT(bad("apply --yes=1"), HasSubstr("takes no value"));
    EXPECT_THAT(bad("status -o xml"), HasSubstr("must be table or json"));
    EXPECT_THAT(bad("status -o yaml"), HasSubstr("not supported in this version"));
    EXPECT_THAT(bad("--yes"), HasSubstr("no command"));
    EXPECT_THAT(bad("version x"), HasSubstr("one word too many"));
}

TEST(Options, HelpAndVersion) {
    EXPECT_EQ(good("").verb, Verb::help);
    EXPECT_EQ(good("lock break --help").help_topic, "lock break");
    EXPECT_EQ(good("--help").verb, Verb::help);
    EXPECT_EQ(good("apply --help").help_topic, "apply");
    EXPECT_EQ(good("help exit-codes").help_topic, "exit-codes");
    EXPECT_EQ(good("--version").verb, Verb::version);
    for (const char* const topic :
         {"", "inventory", "playbook", "exit-codes", "env", "apply", "lock", "lock break"}) {
        EXPECT_TRUE(help_text(topic).has_value()) << topic;
    }
    EXPECT_FALSE(help_text("love").has_value());
}

TEST(Options, HelpOnTheInventoryNamesTheKeysOfConfig) {
    const std::string text = *help_text("inventory");
    for (const ensemble::ConfigKey* key : ensemble::config_keys()) {
        const bool told = text.find("\n  " + std::string(key->name) + " ") != std::string::npos;
        EXPECT_EQ(told, key->set_by == ensemble::SetBy::user) << key->name;
    }
    EXPECT_THAT(text, testing::ContainsRegex("tickTime +100 to 60000 +ms +2000\n"));
    EXPECT_THAT(text, testing::ContainsRegex("minSessionTimeout +1 and more +ms +2 ticks\n"));
    EXPECT_THAT(text,
                testing::ContainsRegex("maxCnxns +0 to 10000000 +connections +0 .no limit.\n"));
    EXPECT_THAT(text, testing::ContainsRegex("enforceQuota +true or false +false\n"));
}

TEST(Options, JsonIsSeenEvenInAWrongCommandLine) {
    EXPECT_TRUE(wants_json(words_of("aply -o json")));
    EXPECT_TRUE(wants_json(words_of("--output=json")));
    EXPECT_FALSE(wants_json(words_of("status -o table")));
}

TEST(Options, TheCommandIsFoundBehindOptions) {
    EXPECT_EQ(command_word(words_of("-i a.yaml -o json aply b.yaml")), "aply");
    EXPECT_EQ(command_word(words_of("--yes --timeout=3s apply")), "apply");
    EXPECT_EQ(command_word(words_of("--yes")), "");
    EXPECT_EQ(to_string(good("-i a.yaml replace-node 2").verb), "replace-node");
}

TEST(Options, EnvironmentSetsColourAndReleaseDir) {
    Environment environment;
    environment.no_color = true;
    environment.release_dir = "/rel";
    const Options options = good("status", environment);
    EXPECT_EQ(options.colour, Colour::never);
    EXPECT_EQ(options.release_dir, "/rel");
    EXPECT_EQ(good("status --color=always", environment).colour, Colour::always);
}

}  // namespace
}  // namespace zk::zkprov
