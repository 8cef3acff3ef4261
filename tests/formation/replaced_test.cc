#include "formation/replaced.h"

#include <gtest/gtest.h>

namespace zk::formation {
namespace {

using agent_api::Incarnation;

Incarnation incarnation(std::uint64_t number, const char* id = "id") {
    return {number, id, WallMs(0)};
}

/// Server 2 of `count`, which comes back with its old disk.
struct Back {
    explicit Back(int count) {
        for (int sid = 1; sid <= count; ++sid) members[ServerId(sid)] = true;
        own = word_of(2);
    }
    static Word word_of(int sid) {
        Word word;
        word.cluster = "demo";
        word.sid = ServerId(sid);
        word.generation = "g1";
        word.members_hash = "m";
        word.has_data = true;
        return word;
    }
    /// Answers; what it remembers of server 2.
    void hear(int sid, std::optional<Incarnation> of_two = {}) {
        Word word = word_of(sid);
        if (of_two) word.remembers[ServerId(2)] = *of_two;
        heard[ServerId(sid)] = word;
    }
    [[nodiscard]] Opinion ask() const { return ask_whether_replaced(members, own, heard); }

    Members members;
    Word own;
    Heard heard;
};

TEST(Replaced, AMajorityOfTheOthersHasToSayIt) {
    Back three(3);
    EXPECT_EQ(three.ask().standing, Standing::unknown);
    three.hear(1, incarnation(1));
    EXPECT_EQ(three.ask().standing, Standing::unknown) << "one of two is no majority";
    three.hear(3);
    EXPECT_EQ(three.ask().standing, Standing::current);
    three.hear(3, incarnation(1));
    EXPECT_EQ(three.ask().standing, Standing::replaced);

    Back five(5);
    five.hear(1, incarnation(1));
    five.hear(3, incarnation(1));
    EXPECT_EQ(five.ask().standing, Standing::unknown);
    five.hear(4);
    EXPECT_EQ(five.ask().standing, Standing::current);
    five.hear(5, incarnation(1));
    EXPECT_EQ(five.ask().standing, Standing::replaced) << "one that was not told does not help it";

    // Of three, one that does not say it settles the matter: the other alone is no majority.
    Back one(3);
    EXPECT_FALSE(one.ask().settled);
    one.hear(1, incarnation(1));
    EXPECT_FALSE(one.ask().settled);
    one.hear(1);
    EXPECT_EQ(one.ask().standing, Standing::unknown);
    EXPECT_TRUE(one.ask().settled);

    Back two(2);
    two.hear(1, incarnation(1));
    EXPECT_EQ(two.ask().standing, Standing::replaced);
}

TEST(Replaced, TheReasonNamesWhoAndTheWayOut) {
    Back back(3);
    for (const int sid : {1, 3}) back.hear(sid, incarnation(4));
    const Opinion opinion = back.ask();
    EXPECT_EQ(
        opinion.words.rfind("servers 1, 3 say: server 2 of demo was made anew as incarnation 4", 0),
        0U)
        << opinion.words;
    EXPECT_NE(opinion.words.find("this host is the incarnation that formed"), std::string::npos);
    EXPECT_NE(opinion.words.find("zkprov wipe 2, then zkprov replace-node 2"), std::string::npos);
    EXPECT_EQ(decide(back.members, back.own, back.heard, "g").step, Step::refuse);
    EXPECT_EQ(decide(back.members, back.own, {}, "g").step, Step::start) << "as before";
}

TEST(Replaced, OnlyTheNewestStarts) {
    for (const std::uint64_t own : {0U, 1U, 2U, 3U}) {
        Back back(3);
        if (own > 0) back.own.incarnation = incarnation(own);
        for (const int sid : {1, 3}) back.hear(sid, incarnation(2));
        EXPECT_EQ(back.ask().standing, own < 2 ? Standing::replaced : Standing::current) << own;
    }
    Back twin(3);
    twin.own.incarnation = incarnation(2, "another");
    for (const int sid : {1, 3}) twin.hear(sid, incarnation(2));
    EXPECT_EQ(twin.ask().standing, Standing::replaced) << "made in ignorance of the one they know";
}

TEST(Replaced, StrangersDoNotCount) {
    for (int what = 0; what < 3; ++what) {
        Back back(3);
        for (const int sid : {1, 3}) back.hear(sid, incarnation(1));
        Word& word = back.heard[ServerId(3)];
        if (what == 0) word.cluster = "other";
        if (what == 1) word.generation = "g2";
        if (what == 2) word.sid = ServerId(1);
        EXPECT_EQ(back.ask().standing, Standing::unknown) << what;
    }
    // Whoever is no member has no say.
    Back back(3);
    back.hear(1, incarnation(1));
    back.hear(4, incarnation(1));
    back.hear(5, incarnation(1));
    EXPECT_EQ(back.ask().standing, Standing::unknown);
}

TEST(Replaced, AnotherThatServesAtItsOwnAddress) {
    Back back(3);
    Word other = Back::word_of(2);
    other.incarnation = incarnation(1);
    back.heard[ServerId(2)] = other;
    EXPECT_EQ(back.ask().standing, Standing::unknown) << "it does not serve";
    back.heard[ServerId(2)].serving = true;
    EXPECT_EQ(back.ask().standing, Standing::taken);
    EXPECT_NE(back.ask().words.find("at its address answers another"), std::string::npos);
    back.own.incarnation = other.incarnation;
    EXPECT_EQ(back.ask().standing, Standing::unknown) << "that is itself";
    back.own.incarnation = incarnation(2);
    EXPECT_EQ(back.ask().standing, Standing::unknown) << "that is the one it replaced";
    back.own.incarnation.reset();
    back.heard[ServerId(2)].generation = "g2";
    EXPECT_EQ(back.ask().standing, Standing::unknown);
}

}  // namespace
}  // namespace zk::formation
