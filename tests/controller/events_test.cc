// zkprov events against nodes in memory.
#include <gmock/gmock.h>

#include "clocks/clocks.h"
#include "runner_fixture.h"

namespace zk::phases {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kHourMs = 3600'000;

class Events : public Runner {
  protected:
    /// An election that 3 won over 2, `ago_ms` before now, as each of them tells it by its own clock.
    void elected(std::int64_t ago_ms) {
        const std::int64_t began = clocks::wall_now().value() - ago_ms;
        tell(2, began, "FOLLOWING", 60'000);
        tell(3, began + 10, "LEADING", 40'000);
        nodes[1].elections.silence = "its server does not answer: connection refused";
    }
    void tell(std::int64_t id, std::int64_t began_ms, const std::string& state, int served_us) {
        agent_api::Elections& said = nodes[id].elections;
        said.cluster = "demo";
        said.sid = ServerId(id);
        const std::string vote = " leader=3 epoch=1 zxid=0x100000005 round=2";
        said.told = "elections form=1 server=" + std::to_string(id) +
                    " uptime_ms=9\nsearch number=1 began_ms=" +
                    std::to_string(began_ms + nodes[id].clock_ahead_ms) +
                    " epoch=1 zxid=0x100000005 votes=yes left_out=0 why=\"the leader is gone\"\n"
                    "cast after_us=0 reason=own leader=" +
                    std::to_string(id) + " epoch=1 zxid=0x100000005 round=2\n" +
                    "decided after_us=20000 state=" + state + vote +
                    "\nserving after_us=" + std::to_string(served_us) + " epoch=2\n";
    }
    ExitCode run(const EventsRequest& request, bool json = false) {
        Console console = make_console(json);
        return run_events(inventory, settings, console, request);
    }
    /// Where `words` stands in the output; fails when it does not.
    std::size_t at(const std::string& words) {
        EXPECT_THAT(out, HasSubstr(words));
        return out.find(words);
    }
};

TEST_F(Events, ATableOfAllNodesInTheOrderOfTime) {
    elected(5000);
    nodes[1].elections.history.push_back(
        {WallMs(clocks::wall_now().value() - 5100), agent_api::Role::down, {}, {}});
    EXPECT_EQ(run({}), ExitCode::done);
    EXPECT_LT(at("agent    down\n"), at("2     server   looks for a leader: the leader is gone\n"));
    EXPECT_LT(at("2     server   looks"), at("3     server   looks"));
    EXPECT_LT(at("3     server   looks"), at("2     server   decides to follow 3\n"));
    EXPECT_LT(at("decides to follow 3"), at("3     server   is elected\n"));
    EXPECT_LT(at("3     server   serves in epoch 2\n"), at("2     server   serves in epoch 2\n"));
    EXPECT_THAT(out, HasSubstr("! node 1 does not tell of votes: its server does not answer"));
    EXPECT_THAT(out, HasSubstr("an order is sure beyond "));
}

TEST_F(Events, TheLastElectionInWords) {
    elected(5000);
    EXPECT_EQ(run({true, {}}), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("Server 3 leads in epoch 2 since "));
    EXPECT_THAT(out, HasSubstr("epoch and zxid are equal, and its id is larger: 3 beats 2"));
    EXPECT_THAT(out, HasSubstr("1 is missing here: its server does not answer"));
    EXPECT_THAT(out, Not(HasSubstr("! node 1")));
}

TEST_F(Events, AClockThatIsAheadIsTakenOff) {
    nodes[2].clock_ahead_ms = 90'000;
    elected(5000);
    EXPECT_EQ(run({}), ExitCode::done);
    EXPECT_LT(at("2     server   looks"), at("3     server   looks"));
    EXPECT_THAT(out,
                testing::ContainsRegex("The clock of 2 is (8999[0-9]|9000[0-9]) ms ahead of ours"));
    EXPECT_THAT(out, Not(HasSubstr("The clock of 3")));
}

TEST_F(Events, SinceLeavesOutWhatIsOlder) {
    elected(2 * kHourMs);
    EXPECT_EQ(run({false, milliseconds(kHourMs)}), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("Nothing is remembered since "));
    EXPECT_EQ(run({true, milliseconds(kHourMs)}), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("No server tells of an election that was decided since "));
    EXPECT_EQ(run({true, milliseconds(3 * kHourMs)}), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("Server 3 leads in epoch 2"));
}

TEST_F(Events, OneDocumentForPrograms) {
    elected(5000);
    EXPECT_EQ(run({true, {}}, true), ExitCode::done);
    EXPECT_THAT(out,
                HasSubstr("\"schema\":\"zkprov.events/1\",\"cluster\":\"demo\",\"exit_code\":0"));
    EXPECT_THAT(out, HasSubstr("\"kind\":\"serves\",\"epoch\":2,\"leader\":3,"));
    EXPECT_THAT(out, HasSubstr("\"explanation\":[\"Server 3 leads"));
    EXPECT_EQ(agent_api::broken_json_at(out.substr(0, out.size() - 1)), std::nullopt);
}

TEST_F(Events, WhoDoesNotAnswerIsNamed) {
    elected(5000);
    nodes[3].open_error = link_error(LinkErrc::unreachable, "node 3 (192.168.6.139): no route");
    EXPECT_EQ(run({true, {}}), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("! node 3 does not answer: no route"));
    EXPECT_THAT(out, HasSubstr("Why 3: it has not told what it had"));
    for (int id = 1; id <= 3; ++id) {
        nodes[id].open_error = link_error(LinkErrc::unreachable, "no route");
    }
    EXPECT_EQ(run({}), ExitCode::unknown);
    EXPECT_THAT(out, HasSubstr("! node 2 does not answer"));
}

TEST_F(Events, AnotherEnsemblesElectionsAreNotToldAsOurs) {
    elected(5000);
    nodes[3].elections.cluster = "prod";
    EXPECT_EQ(run({}), ExitCode::done);
    EXPECT_THAT(
        out, HasSubstr("! node 3 does not answer: the host holds server 3 of ensemble \"prod\""));
    EXPECT_THAT(out, Not(HasSubstr("3     server")));
}

TEST_F(Events, NonsenseOfAServerIsSaid) {
    elected(5000);
    nodes[3].elections.told = "elections form=1 server=3 uptime_ms=9\nsearch number=x\n";
    EXPECT_EQ(run({}), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("! node 3 does not tell of votes: elec: a line \"search\""));
}

}  // namespace
}  // namespace zk::phases
