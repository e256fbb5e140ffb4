//! The command against a deployed stack: the half of the suite `stack` that needs real processes. Which stack is the
//! environment's to say (`doorbell_tests::stack`).

#![cfg(test)]

mod support;

mod stack {
    mod command;
    mod table;
}
