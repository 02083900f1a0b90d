//! The whole API of the job archive: every endpoint with every status code of the Swagger text that cc-backend had in
//! 2023, and what its clients use besides.
#![cfg(test)]

mod beyond;
mod cases;
mod house;
mod shapes;
mod swagger;
mod table;
