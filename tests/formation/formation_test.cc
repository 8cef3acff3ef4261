#include "formation/formation.h"

#include <gtest/gtest.h>

namespace zk::formation {
namespace {

const Members kThree{{ServerId(1), true}, {ServerId(2), true}, {ServerId(3), true}};

Word word_of(int sid) {
    Word word;
    word.cluster = "demo";
    word.sid = ServerId(sid);
    word.members_hash = "m";
    word.nonce = "n" + std::to_string(sid);
    return word;
}
Heard all_but(int sid) {
    Heard heard;
    for (int other = 1; other <= 3; ++other) {
        if (other != sid) heard[ServerId(other)] = word_of(other);
    }
    return heard;
}
Decision asked(int sid, const Heard& heard) { return decide(kThree, word_of(sid), heard, "g1"); }
Ticket ticket_by_1() { return *asked(1, all_but(1)).ticket; }

TEST(Decide, TheLowestVoterIssuesOnceAllAnswered) {
    Heard heard = all_but(1);
    EXPECT_EQ(asked(1, heard).step, Step::sign);
    EXPECT_EQ(asked(1, heard).ticket->nonces.size(), 3U);
    EXPECT_EQ(asked(2, all_but(2)).step, Step::wait);
    heard.erase(ServerId(3));
    EXPECT_EQ(asked(1, heard).step, Step::wait);
    EXPECT_NE(asked(1, heard).words.find("server 3 has"), std::string::npos);
}

TEST(Decide, CompleteOnlyWhenAllHaveCountersigned) {
    Word own = word_of(1);
    own.ticket = ticket_by_1();
    Heard heard = all_but(1);
    heard[ServerId(2)].ticket = own.ticket;
    EXPECT_EQ(decide(kThree, own, heard, "g2").step, Step::wait);
    heard[ServerId(3)].ticket = own.ticket;
    const Decision done = decide(kThree, own, heard, "g2");
    ASSERT_EQ(done.step, Step::sign);
    EXPECT_TRUE(done.ticket->complete);
    own.ticket = done.ticket;
    EXPECT_EQ(decide(kThree, own, heard, "g2").step, Step::form);
}

TEST(Decide, AWipedNodeJoinsAndAWipedMajorityIsRefused) {
    Heard heard = all_but(2);
    for (const int sid : {1, 3}) {
        heard[ServerId(sid)].generation = "g1";
        heard[ServerId(sid)].has_data = true;
    }
    EXPECT_EQ(asked(2, heard).step, Step::join);
    heard[ServerId(1)] = word_of(1);
    EXPECT_EQ(asked(2, heard).step, Step::refuse);
}

TEST(Decide, StrangersClonesAndOtherInventories) {
    Heard heard = all_but(1);
    heard[ServerId(2)].members_hash = "other";
    EXPECT_EQ(asked(1, heard).step, Step::wait);
    heard = all_but(1);
    heard[ServerId(2)].nonce = "n3";
    EXPECT_EQ(asked(1, heard).step, Step::refuse);
    heard = all_but(1);
    heard[ServerId(2)].cluster = "other";
    EXPECT_EQ(asked(1, heard).step, Step::refuse);
    heard = all_but(1);
    heard[ServerId(2)].has_data = true;
    EXPECT_EQ(asked(1, heard).step, Step::refuse);
    // A server that answers clients is not empty, whatever lies on its disk.
    heard = all_but(1);
    heard[ServerId(2)].serving = true;
    EXPECT_EQ(asked(1, heard).step, Step::refuse);
}

TEST(Decide, OneMachineIdIsToldAndStopsNobody) {
    Heard heard = all_but(1);
    EXPECT_TRUE(asked(1, heard).warnings.empty());  // none of them has a machine-id
    heard[ServerId(2)].machine = "m2";
    heard[ServerId(3)].machine = "m3";
    EXPECT_TRUE(asked(1, heard).warnings.empty());
    heard[ServerId(3)].machine = "m2";
    const Decision told = asked(1, heard);
    EXPECT_EQ(told.step, Step::sign);
    ASSERT_EQ(told.warnings.size(), 1U);
    EXPECT_NE(told.warnings[0].find("servers 2 and 3 have one machine-id"), std::string::npos);
}

TEST(Decide, AnIssuerInstalledAnewTakesUpWhatOthersSigned) {
    const Ticket before = ticket_by_1();
    Heard heard = all_but(1);
    heard[ServerId(2)].ticket = heard[ServerId(3)].ticket = before;
    Word own = word_of(1);
    own.nonce = "new";
    const Decision again = decide(kThree, own, heard, "g2");
    ASSERT_EQ(again.step, Step::sign);
    EXPECT_EQ(again.ticket->generation, "g1");
    EXPECT_EQ(again.ticket->replaced, std::set<ServerId>{ServerId(1)});
    // With a second one installed anew the two may have acknowledged something together.
    heard[ServerId(2)].ticket.reset();
    heard[ServerId(2)].nonce = "new too";
    EXPECT_EQ(decide(kThree, own, heard, "g2").step, Step::refuse);
}

TEST(Decide, ACompleteTicketOfAnEarlierStateGivesNoVote) {
    Heard heard = all_but(2);
    Ticket ticket = ticket_by_1();
    Word own = word_of(2);
    own.ticket = ticket;
    ticket.complete = true;
    heard[ServerId(1)].ticket = ticket;
    EXPECT_EQ(decide(kThree, own, heard, "g2").step, Step::form);
    own.nonce = "new";
    EXPECT_NE(decide(kThree, own, heard, "g2").step, Step::form);
}

TEST(Decide, ANonceCountersignsOneGeneration) {
    Heard heard = all_but(2);
    Word own = word_of(2);
    own.ticket = ticket_by_1();
    heard[ServerId(1)].nonce = "new";
    Ticket other = ticket_by_1();
    other.generation = "g2";
    other.version = 2;
    other.issuer_nonce = other.nonces[ServerId(1)] = "new";
    heard[ServerId(1)].ticket = other;
    EXPECT_EQ(decide(kThree, own, heard, "g3").step, Step::refuse);
}

TEST(Decide, MembersThatChangedWhileAFormationWasUnderWay) {
    Ticket before = ticket_by_1();
    Heard heard = all_but(1);
    heard[ServerId(2)].ticket = heard[ServerId(3)].ticket = before;
    const Members two{{ServerId(1), true}, {ServerId(2), true}};
    Word own = word_of(1);
    // Its own ticket was not complete: nobody has begun, so it may name others.
    own.ticket = before;
    heard.erase(ServerId(3));
    const Decision again = decide(two, own, heard, "g2");
    ASSERT_EQ(again.step, Step::sign);
    EXPECT_EQ(again.ticket->nonces.size(), 2U);
    // Of another's it cannot know, and the third may have begun with one of those that are here.
    own.ticket.reset();
    own.nonce = "new";
    EXPECT_EQ(decide(two, own, heard, "g2").step, Step::refuse);
    // Nor does it begin what other members agreed on.
    own = word_of(1);
    own.ticket = before;
    own.ticket->complete = true;
    EXPECT_EQ(decide(two, own, heard, "g2").step, Step::refuse);
    EXPECT_EQ(decide(kThree, own, heard, "g2").step, Step::form);
}

TEST(Decide, AVersionThatNobodyReachesIsRefused) {
    Ticket before = ticket_by_1();
    before.version = agent_api::kTicketVersionMax;
    Heard heard = all_but(1);
    heard[ServerId(2)].ticket = before;
    Word own = word_of(1);
    own.nonce = "new";
    EXPECT_EQ(decide(kThree, own, heard, "g2").step, Step::refuse);
    before.version = 7;
    heard[ServerId(2)].ticket = before;
    EXPECT_EQ(decide(kThree, own, heard, "g2").step, Step::sign);
}

// Of a majority that was installed anew the first one to boot does not know it yet.
TEST(Decide, ANodeJoinsOnceItIsKnownThatAMajorityHasTheData) {
    Heard heard = all_but(1);
    heard[ServerId(3)].generation = "g1";
    heard[ServerId(3)].has_data = true;
    const Word other = heard[ServerId(2)];
    heard.erase(ServerId(2));
    EXPECT_EQ(asked(1, heard).step, Step::wait);
    EXPECT_NE(asked(1, heard).words.find("server 2 has not answered"), std::string::npos);
    heard[ServerId(2)] = other;
    EXPECT_EQ(asked(1, heard).step, Step::refuse);
    heard[ServerId(2)].generation = "g1";
    EXPECT_EQ(asked(1, heard).step, Step::refuse) << "it joined and did not get the data";
    EXPECT_NE(asked(1, heard).words.find("servers 1, 2 are empty or replaced, and the others are "
                                         "no majority: data are lost; a person decides"),
              std::string::npos)
        << asked(1, heard).words;
    Ticket ticket = ticket_by_1();
    ticket.complete = true;
    heard[ServerId(2)].ticket = ticket;
    EXPECT_EQ(asked(1, heard).step, Step::join) << "it is about to begin, with its vote";
    heard.erase(ServerId(2));
    heard[ServerId(3)].serving = true;  // so a majority is behind it
    EXPECT_EQ(asked(1, heard).step, Step::join);
    const Members five = {{ServerId(1), true},
                          {ServerId(2), true},
                          {ServerId(3), true},
                          {ServerId(4), true},
                          {ServerId(5), true}};
    heard[ServerId(3)].serving = false;
    for (const int sid : {4, 5}) {
        EXPECT_EQ(decide(five, word_of(1), heard, "g2").step, Step::wait);
        heard[ServerId(sid)] = heard[ServerId(3)];
        heard[ServerId(sid)].sid = ServerId(sid);
        heard[ServerId(sid)].nonce = "n" + std::to_string(sid);
    }
    EXPECT_EQ(decide(five, word_of(1), heard, "g2").step, Step::join);
}

// The old disk of a server that was made anew says that it has data, and its server never starts.
TEST(Decide, DataThatWereReplacedAreNotCounted) {
    Heard heard = all_but(1);
    for (const int sid : {2, 3}) {
        heard[ServerId(sid)].generation = "g1";
        heard[ServerId(sid)].has_data = true;
    }
    EXPECT_EQ(asked(1, heard).step, Step::join);
    heard[ServerId(3)].remembers[ServerId(2)] = {1, "new", WallMs(0)};
    EXPECT_EQ(asked(1, heard).step, Step::refuse);
    heard[ServerId(2)].incarnation = agent_api::Incarnation{1, "new", WallMs(0)};
    EXPECT_EQ(asked(1, heard).step, Step::join) << "it is the one that was made";
    heard[ServerId(2)].incarnation.reset();
    heard[ServerId(3)].generation = "g2";
    EXPECT_EQ(asked(1, heard).step, Step::refuse) << "two ensembles";
}

TEST(Decide, DataOrARecordStartWhateverOthersSay) {
    Word own = word_of(3);
    own.has_data = true;
    EXPECT_EQ(decide(kThree, own, all_but(3), "g").step, Step::refuse);
    own.generation = "g1";
    EXPECT_EQ(decide(kThree, own, {}, "g").step, Step::start);
}

}  // namespace
}  // namespace zk::formation
